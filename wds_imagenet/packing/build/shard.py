"""One shard: images in, a checked tar file and its receipt out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Final

from wds_imagenet.errors import ImageError, SourceError
from wds_imagenet.format.blocks import LARGEST_BLOCK
from wds_imagenet.format.tar import archive_end, member_header, member_padding
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.build.image_policy import Taken, take
from wds_imagenet.packing.build.shard_file import BlockDraft, ShardFile
from wds_imagenet.packing.engines.local import behind
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.attachments import contents as attached_members
from wds_imagenet.packing.plan.schema import Schema
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.plan.source_urls import describe
from wds_imagenet.packing.publish.receipt import Action, Receipt, Remark
from wds_imagenet.util import strict_json

_SMALL_JSON: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all shards of a plan have in common."""

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

    The same references and images give the same bytes in any process on any machine. `images` are
    those of the task's references, in their order, and `attached` their attachments. Costs the memory of
    about three blocks; each byte passes through SHA-256 (twice, if it is an image's) and CRC-32. Raises
    `ImageError`, naming the file, for an image that cannot be used where the options do not say to leave it
    out; `SourceError` if none of a shard's images is left; `CorruptError` if the file system loses
    bytes; `OSError`.
    """
    contents = _Contents()
    if attached is None:
        attached = repeat((), len(task.references))
    samples = _samples(task, recipe, images, attached, contents)
    # Hashing and writing need no GIL: one block goes its way while the next is gathered.
    with ShardFile.create(path) as file, behind(file.add) as add:
        for draft in _cut(samples, recipe.options.block_bytes or LARGEST_BLOCK):
            add(draft)
    if not contents.keys:
        # An empty shard confuses readers, and one left out breaks the numbering that they expand.
        raise SourceError(
            f"none of the {len(task.references):,} images planned for {task.name} can be used; the "
            f"first is {describe(task.references[0])}: {contents.remarks[0].reason}"
        )
    return Receipt(
        plan=recipe.plan,
        shard=file.account(task.name),
        keys=tuple(contents.keys),
        labels=dict(contents.labels),
        remarks=tuple(contents.remarks),
    )


@dataclass(slots=True)
class _Contents:
    """What a receipt says of the samples."""

    keys: list[str] = field(default_factory=list)
    labels: Counter[int] = field(default_factory=Counter)
    remarks: list[Remark] = field(default_factory=list)

    def remark(self, reference: Reference, action: Action, reason: str) -> None:
        self.remarks.append(Remark(reference.key, reference.name, action, reason))


def _cut(samples: Iterable[tuple[str, list[bytes]]], block_bytes: int) -> Iterator[BlockDraft]:
    """Yield blocks, each ending with the sample that reaches its size, the last with the archive."""
    total = size = 0
    parts: list[bytes] = []
    keys: list[str] = []
    for key, sample in samples:
        # A full block waits for another sample: without one, the end-of-archive goes into it.
        if size >= block_bytes:
            yield BlockDraft(parts, keys, last=False)
            parts, keys, size = [], [], 0
        length = sum(map(len, sample))
        parts += sample
        keys.append(key)
        total += length
        size += length
    parts.append(archive_end(total))
    yield BlockDraft(parts, keys, last=True)


def _samples(
    task: ShardTask,
    recipe: Recipe,
    images: Iterable[bytes | ImageError],
    attached: Iterable[Sequence[bytes]],
    contents: _Contents,
) -> Iterator[tuple[str, list[bytes]]]:
    """Yield each sample's key and its part of the tar, and take down what is in it."""
    options = recipe.options
    for reference, data, further in zip(task.references, images, attached, strict=True):
        try:
            taken = take(_whole(data), reference.name, options, reference.rotation)
        except ImageError as error:
            if not options.skips:
                raise ImageError(f"{describe(reference)}: {error}; {_advice(data, options)}") from error
            contents.remark(reference, "skipped", str(error))
            continue
        if reason := "; ".join(filter(None, (taken.repaired, taken.turned, taken.oddity))):
            action: Action = "repaired" if taken.repaired else "turned" if taken.turned else "kept"
            contents.remark(reference, action, reason)
        contents.keys.append(reference.key)
        if reference.label is not None:
            contents.labels[reference.label] += 1
        yield reference.key, list(_members(reference, taken, further, recipe.schema))


def _whole(data: bytes | ImageError) -> bytes:
    if isinstance(data, ImageError):  # it could not be downloaded
        raise data
    return data


def _advice(data: bytes | ImageError, options: PackOptions) -> str:
    """Say what to do about an image that cannot be used."""
    mending, skip = "mend it, or let it be mended (option on_bad='repair'); ", "skip"
    if options.repairs:
        mending, skip = "it cannot be mended here; ", "repair-else-skip"
    if isinstance(data, ImageError):  # it could not be downloaded
        mending = ""
    return (
        f"{mending}option on_bad={skip!r} leaves out every such image and lists them all in "
        ".wds-imagenet/report.jsonl"
    )


def _members(
    reference: Reference, taken: Taken, attached: Sequence[bytes], schema: Schema
) -> Iterator[bytes]:
    """Yield a sample's part of the tar."""
    record = strict_json.dumps(schema.record(reference, taken.measured))
    check_readable(record, reference)
    members = [(taken.suffix, taken.data), ("json", record)]
    if schema.labelled:
        members.insert(0, ("cls", str(reference.label).encode()))
    if schema.captioned:
        members.append(("txt", (reference.caption or "").encode()))
    members += attached_members(reference, attached)
    yield from tar_parts(reference.key, members)


def tar_parts(key: str, members: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the bytes of a sample's members, given by suffix, as they lie in the tar."""
    for suffix, content in members:
        yield member_header(f"{key}.{suffix}", len(content))
        yield content
        yield member_padding(len(content))


def check_readable(record: bytes, reference: Reference) -> None:
    """Refuse what our own reader would: JSON too large or too deep."""
    if len(record) < _SMALL_JSON and record.count(b"[") + record.count(b"{") <= strict_json.MAX_DEPTH:
        return
    try:
        strict_json.loads(record)
    except ValueError as error:
        raise SourceError(f"{describe(reference)}: its metadata cannot be packed: {error}") from error
