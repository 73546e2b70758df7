"""The plan of a stream: all that decides the bytes, of what is known before the first sample. Pure."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.listing_plan import FORMAT, MAX_SHARDS, hash_classes
from wds_imagenet.packing.plan.schema import Schema, declare
from wds_imagenet.util import strict_json

_LARGE: Final = 1 << 40  # what is not said is taken for large
VERSION: Final = 1
"""Of the bytes that a stream's plan leads to; it changes when they do."""


@dataclass(frozen=True)
class StreamPlan:
    """What is to be packed and how. Which sample goes where follows from it, but only as they arrive."""

    options: PackOptions
    schema: Schema
    stream: Stream
    classes_sha256: str
    notes: tuple[str, ...]

    @property
    def shard_names(self) -> tuple[str, ...]:
        """None: only the end of the stream tells how many there are."""
        return ()

    def shard_name(self, number: int) -> str:
        """Return the name of a shard. Raises `UsageError` if there are more than have names."""
        if number >= MAX_SHARDS:
            raise UsageError(f"more than {MAX_SHARDS:,} shards; no more have names: make them larger")
        return f"{self.options.name}-{self.options.split}-{number:06d}.tar"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of `to_json()`: two plans with the same one give the same bytes, of the same stream."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def to_json(self) -> bytes:
        """Return the plan's bytes, as they lie beside the shards: no URL, no secret, no clock."""
        options: dict[str, Any] = self.options.to_json()
        if self.options.shuffled:
            options["window_bytes"] = self.options.window_bytes
        try:
            return strict_json.dumps(
                {
                    "format": FORMAT,
                    "version": VERSION,
                    "options": options,
                    "stream": self.stream.identity,
                    "suffixes": self.schema.suffixes,
                    "fields": {item.name: item.kind for item in self.schema.fields},
                    "classes": len(self.stream.classes),
                    "classes_sha256": self.classes_sha256,
                }
            )
        except (TypeError, ValueError) as error:
            raise SourceError(f"what the stream says of itself has no JSON form: {error}") from error


def plan_stream(stream: Stream, options: PackOptions) -> StreamPlan:
    """Plan a stream, reading nothing of it.

    The same stream and options give the same plan on every machine, wherever the stream lies. Raises
    `SourceError` where what it says of itself contradicts itself.
    """
    options = options.for_bytes(_LARGE if stream.size is None else stream.size)
    schema = declare(stream, rewritten=options.rewrites)
    renamed = tuple(
        f"the metadata field {item.source!r} becomes {item.name!r} in the JSON"
        for item in schema.fields
        if item.name != item.source
    )
    return StreamPlan(options, schema, stream, hash_classes(schema), (*stream.notes, *renamed))
