"""A shard's file while it is written: block by block, each read back before the next."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from wds_imagenet.errors import CorruptError
from wds_imagenet.format.crc import crc32
from wds_imagenet.format.manifest import Block, Shard
from wds_imagenet.format.samples import group_members
from wds_imagenet.format.tar import walk_bytes


@dataclass(frozen=True, slots=True)
class BlockContent:
    """The bytes of a block that is to be written."""

    parts: list[bytes]
    keys: list[str]
    """The keys of its samples."""
    last: bool
    """True if the block holds the end of the archive."""


class ShardFile:
    """Writes the blocks of one shard in their order, and computes the manifest's entry."""

    def __init__(self, writer: BinaryIO, reader: BinaryIO) -> None:
        self._writer = writer
        self._reader = reader
        self._sha256 = hashlib.sha256()
        self._blocks: list[Block] = []

    @classmethod
    @contextmanager
    def create(cls, path: Path) -> Iterator[Self]:
        """Create an empty file at the path, and close it at the end of the `with`."""
        with path.open("wb") as writer, path.open("rb", buffering=0) as reader:
            yield cls(writer, reader)

    def add(self, content: BlockContent) -> None:
        """Write a block, and read it back with the package's own tar reader.

        Guarantees that the file then holds exactly these bytes, and that they are part of a tar with
        exactly these keys. Costs one pass each of SHA-256, CRC-32, writing, reading and comparing, nearly
        all without the GIL. Raises `CorruptError` if the file holds other bytes.
        """
        data = b"".join(content.parts)
        self._writer.write(data)
        self._writer.flush()
        self._sha256.update(data)
        back = self._reader.read(len(data))
        if (
            back != data
            or [key for key, _ in group_members(walk_bytes(back, ended=content.last))] != content.keys
        ):
            raise CorruptError(
                f"{self._writer.name}, block {len(self._blocks)}: the file system does not return "
                "the bytes that were written: check the disk"
            )
        self._blocks.append(Block(len(data), len(content.keys), crc32(data)))

    def shard(self, name: str) -> Shard:
        """Return the manifest's entry."""
        size, samples = sum(b.size for b in self._blocks), sum(b.samples for b in self._blocks)
        return Shard(name, size, samples, self._sha256.hexdigest(), tuple(self._blocks))
