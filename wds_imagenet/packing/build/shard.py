"""One shard: from the bytes of its images to a checked tar file and its receipt."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import Final

from wds_imagenet.errors import ImageError, SourceError
from wds_imagenet.format.blocks import LARGEST_BLOCK
from wds_imagenet.format.manifest import MAX_BLOCK_SAMPLES
from wds_imagenet.format.tar import archive_end, member_header, member_padding
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.build.image_policy import AcceptedImage, accept
from wds_imagenet.packing.build.receipt import Action, Receipt, Remark
from wds_imagenet.packing.build.shard_file import BlockContent, ShardFile
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.attachments import contents as attached_members
from wds_imagenet.packing.plan.schema import NO_LABEL, Schema
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.plan.source_urls import describe
from wds_imagenet.sample import MAX_JSON_BYTES
from wds_imagenet.shown import hide_secrets
from wds_imagenet.util import strict_json
from wds_imagenet.util.threads import behind

_SMALL_JSON: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """The values that all shards of a plan share."""

    plan: str
    """The plan's fingerprint."""
    options: PackOptions
    schema: Schema


def build_shard(
    task: ShardTask,
    recipe: Recipe,
    images: Iterable[bytes | ImageError],
    path: Path,
    attached: Iterable[Sequence[bytes]] | None = None,
) -> Receipt:
    """Write one shard to a file, read it back, and return its receipt.

    The same references and images give the same bytes in any process on any machine. Costs the memory of
    about three blocks. Each byte passes through SHA-256 (an image's twice) and CRC-32.

    Args:
        task: the shard's name and samples.
        recipe: the values that all shards share.
        images: the bytes of each sample's image, or the error of its download.
        path: the file to write.
        attached: the bytes of each sample's attachments; None if no sample has any.

    Raises:
        ImageError: an image cannot be used, and the options do not leave such images out.
        SourceError: none of the images can be used.
        CorruptError: the file system returns other bytes than were written.
        OSError: the file cannot be written.
    """
    tally = _Tally()
    if attached is None:
        attached = repeat((), len(task.references))
    samples = _samples(task, recipe, images, attached, tally)
    # Hashing and writing release the GIL: one block is written while the next is collected.
    with ShardFile.create(path) as file, behind(file.add) as add:
        for content in _blocks(samples, recipe.options.block_bytes or LARGEST_BLOCK):
            add(content)
    if not tally.keys:
        # Readers fail on an empty shard, and a missing one breaks the numbering that they expand.
        raise SourceError(
            f"none of the {len(task.references):,} images planned for {task.name} can be used; the "
            f"first is {describe(task.references[0])}: {tally.remarks[0].reason}"
        )
    return Receipt(
        plan=recipe.plan,
        shard=file.shard(task.name),
        keys=tuple(tally.keys),
        labels=dict(tally.labels),
        remarks=tuple(tally.remarks),
    )


@dataclass(slots=True)
class _Tally:
    """The receipt's values, collected sample by sample."""

    keys: list[str] = field(default_factory=list)
    labels: Counter[int] = field(default_factory=Counter)
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, reference: Reference, action: Action, reason: str) -> None:
        key, name = reference.key, hide_secrets(reference.name)
        if name != reference.name and action == "skipped":  # the key holds the same secret, without its marks
            key = name
        self.remarks.append(Remark(key, name, action, hide_secrets(reason)))


def _blocks(samples: Iterable[tuple[str, list[bytes]]], block_bytes: int) -> Iterator[BlockContent]:
    """Yield blocks, each ending with the sample that reaches its size, the last with the archive."""
    total = size = 0
    parts: list[bytes] = []
    keys: list[str] = []
    for key, sample in samples:
        # A full block is yielded only when another sample follows: the last one holds the archive's end.
        if size >= block_bytes or len(keys) == MAX_BLOCK_SAMPLES:
            yield BlockContent(parts, keys, last=False)
            parts, keys, size = [], [], 0
        length = sum(map(len, sample))
        parts += sample
        keys.append(key)
        total += length
        size += length
    parts.append(archive_end(total))
    yield BlockContent(parts, keys, last=True)


def _samples(
    task: ShardTask,
    recipe: Recipe,
    images: Iterable[bytes | ImageError],
    attached: Iterable[Sequence[bytes]],
    tally: _Tally,
) -> Iterator[tuple[str, list[bytes]]]:
    """Yield each sample's key and its part of the tar, and add the sample to the tally."""
    options = recipe.options
    for reference, data, attachments in zip(task.references, images, attached, strict=True):
        try:
            image = accept(_downloaded(data), reference.name, options, reference.rotation)
        except ImageError as error:
            if not options.skips:
                advice = _advice(data, reference, options)
                raise ImageError(f"{describe(reference)}: {error}; {advice}") from error
            tally.remark(reference, "skipped", str(error))
            continue
        if reason := "; ".join(filter(None, (image.repaired, image.rotated, image.oddity))):
            action: Action = "repaired" if image.repaired else "turned" if image.rotated else "kept"
            tally.remark(reference, action, reason)
        tally.keys.append(reference.key)
        if reference.label is not None:
            tally.labels[reference.label] += 1
        yield reference.key, list(_members(reference, image, attachments, recipe.schema))


def _downloaded(data: bytes | ImageError) -> bytes:
    if isinstance(data, ImageError):
        raise data
    return data


def _advice(data: bytes | ImageError, reference: Reference, options: PackOptions) -> str:
    """Return what to do about an image that cannot be used. Costs an attempt to repair it."""
    repair, skip = "", "skip"
    if options.repairs:
        repair, skip = "it cannot be repaired; ", "repair-else-skip"
    elif not isinstance(data, ImageError) and _is_repairable(data, reference, options):
        repair = "option on_bad='repair' repairs it; "
    return (
        f"{repair}option on_bad={skip!r} leaves out every such image and lists them all in "
        ".wds-imagenet/report.jsonl"
    )


def _is_repairable(data: bytes, reference: Reference, options: PackOptions) -> bool:
    try:
        accept(data, reference.name, replace(options, on_bad="repair"), reference.rotation)
    except ImageError:
        return False
    return True


def _members(
    reference: Reference, image: AcceptedImage, attached: Sequence[bytes], schema: Schema
) -> Iterator[bytes]:
    """Yield a sample's part of the tar."""
    record = strict_json.dumps(schema.record(reference, image.measured))
    check_readable(record, reference)
    members = [(image.suffix, image.data), ("json", record)]
    if schema.labelled:
        members.insert(0, ("cls", str(NO_LABEL if reference.label is None else reference.label).encode()))
    if schema.captioned:
        members.append(("txt", (reference.caption or "").encode()))
    members += attached_members(reference, attached)
    yield from tar_parts(reference.key, members)


def tar_parts(key: str, members: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the bytes of a sample's members, given by suffix, as the tar holds them."""
    for suffix, content in members:
        yield member_header(f"{key}.{suffix}", len(content))
        yield content
        yield member_padding(len(content))


def check_readable(record: bytes, reference: Reference) -> None:
    """Raise `SourceError` for JSON that the package's own reader rejects: too large or too deep."""
    if len(record) < _SMALL_JSON and record.count(b"[") + record.count(b"{") <= strict_json.MAX_DEPTH:
        return
    try:
        strict_json.loads(record, max_bytes=MAX_JSON_BYTES)
    except ValueError as error:
        raise SourceError(f"{describe(reference)}: its metadata cannot be packed: {error}") from error
