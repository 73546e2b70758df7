"""The plan of a stream: everything that decides its bytes and is known before the first sample. Pure."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.plan_file import FORMAT, MAX_SHARDS, hash_classes, versions
from wds_imagenet.packing.plan.schema import Schema, declare
from wds_imagenet.util import strict_json

_LARGE: Final = 1 << 40  # bytes of a stream of unknown size: it gets the blocks of a large data set
_VERSION: Final = 1
"""Version of the bytes that a stream's plan leads to; raised when the same plan gives other bytes."""


@dataclass(frozen=True)
class StreamPlan:
    """The options, schema and identity of a stream. The place of each sample follows as it is read."""

    options: PackOptions
    schema: Schema
    stream: Stream
    classes_sha256: str
    notes: tuple[str, ...]

    def shard_name(self, number: int) -> str:
        """Return the name of a shard. Raises `UsageError` if there are more shards than names."""
        if number >= MAX_SHARDS:
            raise UsageError(f"more than {MAX_SHARDS:,} shards; no more have names: make them larger")
        return f"{self.options.name}-{self.options.split}-{number:06d}.tar"

    @property
    def expected_shards(self) -> int:
        """About how many shards there will be; 0 if the stream does not state its size."""
        stream, options = self.stream, self.options
        if options.samples_per_shard is not None:
            return -(-(stream.samples or 0) // options.samples_per_shard)
        return -(-(stream.size or 0) // options.shard_bytes)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of `to_json()`: two plans of one stream with the same fingerprint give the same bytes."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def to_json(self) -> bytes:
        """Return the bytes of the plan file: without a URL, a secret or the time."""
        options: dict[str, Any] = self.options.to_json()
        if self.options.shuffled:
            options["window_bytes"] = self.options.window_bytes
        try:
            return strict_json.dumps(
                {
                    "format": FORMAT,
                    "version": _VERSION,
                    "options": options,
                    "stream": self.stream.identity,
                    "suffixes": self.schema.suffixes,
                    "fields": {item.name: item.kind for item in self.schema.fields},
                    "classes": len(self.stream.classes),
                    "classes_sha256": self.classes_sha256,
                    **versions(rewriting=self.options.rewrites or self.stream.rotates),
                }
            )
        except (TypeError, ValueError) as error:
            raise SourceError(f"the identity of the stream has no JSON form: {error}") from error


def plan_stream(stream: Stream, options: PackOptions) -> StreamPlan:
    """Plan a stream without reading any of it.

    The same stream and options give the same plan on every machine, wherever the stream lies. Raises
    `SourceError` if the stream's declaration contradicts itself.
    """
    options = options.for_bytes(_LARGE if stream.size is None else stream.size)
    schema = declare(stream, rewritten=options.rewrites)
    notes = (*stream.notes, *schema.notes)
    return StreamPlan(options, schema, stream, hash_classes(schema.classes), notes)
