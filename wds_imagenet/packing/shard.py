"""One shard: images in, the bytes of a tar out, cut into blocks."""

import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from wds_imagenet import strict_json
from wds_imagenet.errors import CorruptError, DataError, ImageError, SourceError
from wds_imagenet.format.manifest import Block, Shard
from wds_imagenet.format.samples import group
from wds_imagenet.format.tar import ending, header, padding, walk_bytes
from wds_imagenet.packing.intake import Taken, take
from wds_imagenet.packing.location import describe
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.receipt import Receipt, Remark
from wds_imagenet.packing.schema import Schema
from wds_imagenet.packing.task import ShardTask
from wds_imagenet.sources.reference import Reference

Write = Callable[[bytes], object]
_SIMPLE_JSON: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """What all shards of a plan have in common."""

    plan: str
    """The plan's fingerprint."""
    options: PackOptions
    schema: Schema


def build_shard(task: ShardTask, recipe: Recipe, images: Iterable[bytes], write: Write) -> Receipt:
    """Write one shard's tar, block by block, and return its receipt.

    The same references and images give the same bytes in any process on any machine. `images` are
    those of the task's references, in their order; `write` gets each block once, in order. Costs
    about one block of memory, and each byte passes through SHA-256 (twice, if it is an image's) and
    CRC-32. Raises `ImageError`, naming the file, for an image that cannot be used where the options
    do not say to leave it out; `SourceError` if none of a shard's images is left.
    """
    blocks = _Blocks(write, recipe.options.block_bytes)
    keys: list[str] = []
    labels: Counter[int] = Counter()
    remarks: list[Remark] = []
    for reference, data in zip(task.references, images, strict=True):
        try:
            taken = take(data, reference.name, recipe.options)
        except ImageError as error:
            if recipe.options.on_bad != "skip":
                raise _refusal(reference, error, recipe.options) from error
            remarks.append(Remark(reference.key, reference.name, "skipped", str(error)))
            continue
        if taken.repaired is not None:
            remarks.append(Remark(reference.key, reference.name, "repaired", taken.repaired))
        if taken.oddity is not None:
            remarks.append(Remark(reference.key, reference.name, "kept", taken.oddity))
        blocks.add(list(_members(reference, taken, recipe.schema)))
        keys.append(reference.key)
        if reference.label is not None:
            labels[reference.label] += 1
    if not keys:
        # An empty shard confuses readers, and one left out breaks the numbering that they expand.
        raise SourceError(
            f"none of the {len(task.references):,} images planned for {task.name} can be used; the "
            f"first is {describe(task.references[0])}: {remarks[0].reason}"
        )
    return Receipt(recipe.plan, blocks.close(task.name), tuple(keys), dict(labels), tuple(remarks))


def check_shard(file: Path, receipt: Receipt) -> None:
    """Read a shard that was just written with the reader's own means; raise `CorruptError` if it differs.

    Costs one pass over the file: every block's CRC-32, every header, every key.
    """
    found: list[str] = []
    with file.open("rb", buffering=0) as stream:
        shard = receipt.shard
        buffer = memoryview(bytearray(max(block.size for block in shard.blocks)))
        for number, block in enumerate(shard.blocks):
            view = buffer[: block.size]
            if stream.readinto(view) != block.size or zlib.crc32(view) != block.crc32:
                raise CorruptError(f"{shard.name}, block {number}: {file} lost what was written to it")
            last = number == len(shard.blocks) - 1
            found.extend(key for key, _ in group(walk_bytes(view, ended=last)))
        if stream.read(1) or found != list(receipt.keys):
            raise CorruptError(f"{shard.name}: {file} does not hold the samples that were written to it")


@dataclass(slots=True)
class _Blocks:
    """Cuts what is added into blocks, each ending with the sample that reaches its size."""

    write: Write
    block_bytes: int
    blocks: list[Block] = field(default_factory=list)
    pending: list[bytes] = field(default_factory=list)
    size: int = 0
    samples: int = 0
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, parts: list[bytes]) -> None:
        # A full block is kept until there is another sample, for the last has the end-of-archive too.
        if self.size >= self.block_bytes:
            self._flush()
        self.pending += parts
        self.size += sum(map(len, parts))
        self.samples += 1

    def close(self, name: str) -> Shard:
        size = sum(block.size for block in self.blocks) + self.size
        end = ending(size)
        self.pending.append(end)
        self._flush()
        samples = sum(block.samples for block in self.blocks)
        return Shard(name, size + len(end), samples, self.sha256.hexdigest(), tuple(self.blocks))

    def _flush(self) -> None:
        data = b"".join(self.pending)
        self.sha256.update(data)
        self.blocks.append(Block(len(data), self.samples, zlib.crc32(data)))
        self.write(data)
        self.pending.clear()
        self.size = self.samples = 0


def _members(reference: Reference, taken: Taken, schema: Schema) -> Iterator[bytes]:
    """Yield a sample's part of the tar."""
    record = strict_json.dumps(schema.record(reference, taken.measured))
    _check_readable(record, reference)
    members = [(taken.suffix, taken.data), ("json", record)]
    if schema.labelled:
        members.insert(0, ("cls", b"%d" % reference.label))
    if schema.captioned:
        members.append(("txt", (reference.caption or "").encode()))
    for suffix, content in members:
        yield header(f"{reference.key}.{suffix}", len(content))
        yield content
        yield padding(len(content))


def _check_readable(record: bytes, reference: Reference) -> None:
    """Refuse what our own reader would: JSON too large or too deep."""
    if len(record) < _SIMPLE_JSON and record.count(b"[") + record.count(b"{") <= strict_json.MAX_DEPTH:
        return
    try:
        strict_json.loads(record)
    except ValueError as error:
        raise SourceError(f"{describe(reference)}: its metadata cannot be packed: {error}") from error


def _refusal(reference: Reference, error: ImageError, options: PackOptions) -> DataError:
    hint = "mend it" if options.on_bad == "repair" else "mend it, or pack with on_bad 'repair' or 'skip'"
    return ImageError(f"{describe(reference)}: {error}; {hint}")
