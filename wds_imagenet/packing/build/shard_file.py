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
class BlockDraft:
    """A block on its way to the file."""

    parts: list[bytes]
    keys: list[str]
    """Of its samples."""
    last: bool
    """Whether the end-of-archive is in it."""


class ShardFile:
    """Takes the blocks of one shard in their order, and the account of them."""

    def __init__(self, writer: BinaryIO, reader: BinaryIO) -> None:
        self._writer = writer
        self._reader = reader
        self._sha256 = hashlib.sha256()
        self._blocks: list[Block] = []

    @classmethod
    @contextmanager
    def create(cls, path: Path) -> Iterator[Self]:
        """Give an empty file at the path, and close it."""
        with path.open("wb") as writer, path.open("rb", buffering=0) as reader:
            yield cls(writer, reader)

    def add(self, draft: BlockDraft) -> None:
        """Write a block, and read it back with the reader's own means.

        Guarantees that the file then holds just those bytes, and that they are a part of a tar with
        just those keys; else raises `CorruptError`. Costs one pass each of SHA-256, CRC-32, writing,
        reading and comparing, nearly all without the GIL.
        """
        data = b"".join(draft.parts)
        self._writer.write(data)
        self._writer.flush()
        self._sha256.update(data)
        self._blocks.append(Block(len(data), len(draft.keys), crc32(data)))
        back = self._reader.read(len(data))
        if (
            back != data
            or [key for key, _ in group_members(walk_bytes(back, ended=draft.last))] != draft.keys
        ):
            raise CorruptError(
                f"{self._writer.name}, block {len(self._blocks) - 1}: the file system does not give "
                "back what was written"
            )

    def account(self, name: str) -> Shard:
        """Return the manifest's entry."""
        size, samples = sum(b.size for b in self._blocks), sum(b.samples for b in self._blocks)
        return Shard(name, size, samples, self._sha256.hexdigest(), tuple(self._blocks))
