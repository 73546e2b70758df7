"""The plan of a listing: each sample's shard and position, decided before the first byte. Pure."""

import hashlib
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.duplicate_keys import check_listed_keys
from wds_imagenet.packing.plan.faults import LimitedReferences, check_fault
from wds_imagenet.packing.plan.plan_file import FORMAT, MAX_SHARDS, hash_classes, versions
from wds_imagenet.packing.plan.sample_size import content_size, overhead
from wds_imagenet.packing.plan.scan import Scan
from wds_imagenet.packing.plan.schema import Schema, decide
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.plan.source_urls import describe
from wds_imagenet.sample import check_key
from wds_imagenet.util import rng, strict_json

_VERSION: Final = 1
"""Version of the bytes that a plan leads to; raised when the same plan gives other bytes."""
_SHUFFLE: Final = 0x5348554646  # the purpose of these random numbers; another purpose gets others
_UNUSABLE: Final = -1  # stands for the size of an image that cannot be used


@dataclass(frozen=True)
class Plan:
    """Every shard's samples in their order, and the fingerprint of all that decides the bytes."""

    options: PackOptions
    schema: Schema
    listing: Listing
    order: npt.NDArray[np.int64]
    """Indices into the listing, in the order of the shards; int64, shape [samples]."""
    bounds: tuple[int, ...]
    """Shard i has the positions `bounds[i]` to `bounds[i + 1]` of the order."""
    references_sha256: str
    classes_sha256: str
    expected_bytes: int
    """Size of all shards together, estimated from the sizes that the source lists."""
    urls: Collection[str]
    """One URL for each scheme that the references use."""
    rotates: bool
    """True if an image is rotated."""
    usable: int
    """Number of references without a fault."""
    notes: tuple[str, ...]

    @cached_property
    def shard_names(self) -> tuple[str, ...]:
        """The shards' names, in their order."""
        return tuple(
            f"{self.options.name}-{self.options.split}-{i:06d}.tar" for i in range(len(self.bounds) - 1)
        )

    def task(self, shard: int) -> ShardTask:
        """Return the task of building one shard."""
        positions = self.order[self.bounds[shard] : self.bounds[shard + 1]]
        references = tuple(self.listing.references[i] for i in positions.tolist())
        return ShardTask(self.shard_names[shard], references)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of `to_json()`: two plans with the same fingerprint give the same bytes."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def to_json(self) -> bytes:
        """Return the bytes of the plan file: without a URL, a secret or the time."""
        # Left out where empty: plans without attachments keep the bytes of earlier releases.
        attachments = {"attachments": self.schema.attachments} if self.schema.attachments else {}
        return strict_json.dumps(
            {
                "format": FORMAT,
                "version": _VERSION,
                "options": self.options.to_json(),
                "samples": len(self.order),
                "shards": len(self.shard_names),
                "fields": {item.name: item.kind for item in self.schema.fields},
                "classes": len(self.listing.classes),
                "classes_sha256": self.classes_sha256,
                "references_sha256": self.references_sha256,
                **attachments,
                **versions(rewriting=self.options.rewrites or self.rotates),
            }
        )


def plan(listing: Listing, options: PackOptions) -> Plan:
    """Lay out a listing in shards.

    The same listing and options give the same plan on every machine; moving the data set as a whole
    to another folder or store changes nothing. Costs one iteration over the references and a few
    microseconds for each; no I/O of its own.

    Raises:
        SourceError: the listing is empty, two samples have one key, or JSON cannot hold the metadata.
        DataError: a key is not valid.
        UsageError: there are more shards than names.
    """
    references = LimitedReferences(listing.references, options.max_image_bytes)
    listing = replace(listing, references=references)
    if not references:
        raise SourceError("there are no images to pack: the source listed none")
    scanned = Scan(references, len(listing.classes))
    hashes, sizes_of = array("q"), array("q")
    for position, reference in enumerate(references):
        check_fault(reference, options)
        usable = reference.fault is None
        hashes.append(hash(check_key(reference.key).lower()) if usable else -1 - position)
        scanned.add(reference)
        sizes_of.append(content_size(reference, reference.size, options) if usable else _UNUSABLE)
    if not scanned.census.samples:
        raise SourceError(
            f"none of the {len(references):,} images can be used; the first is {describe(references[0])}: "
            f"{references[0].fault}"
        )
    case_notes = check_listed_keys(references, hashes)
    schema = decide(
        scanned.census, listing.classes, rewritten=options.rewrites, partly_labelled=listing.partly_labelled
    )
    count = len(references)
    if options.shuffled:
        order = rng.permutation(rng.mix(options.seed, _SHUFFLE), count)
    else:
        order = np.arange(count, dtype=np.int64)
    listed_sizes = np.frombuffer(sizes_of, np.int64)[order]
    sizes = np.where(listed_sizes == _UNUSABLE, 0, listed_sizes + overhead(schema))
    options = options.for_bytes(int(sizes.sum()))
    bounds = tuple(_bounds(sizes, options))
    shards = len(bounds) - 1
    if shards > MAX_SHARDS:
        raise UsageError(f"{shards:,} shards; at most {MAX_SHARDS:,} have names: make them larger")
    return Plan(
        options=options,
        schema=schema,
        listing=listing,
        order=order,
        bounds=bounds,
        references_sha256=scanned.hash.hexdigest(),
        classes_sha256=hash_classes(schema.classes),
        expected_bytes=int(sizes.sum()),
        urls=scanned.urls,
        rotates=scanned.census.rotates,
        usable=scanned.census.samples,
        notes=(*listing.notes, *case_notes, *schema.notes),
    )


def _bounds(sizes: npt.NDArray[np.int64], options: PackOptions) -> Iterator[int]:
    """Yield the position at which each shard begins, then the one at which the last shard ends.

    Every shard has a usable image: an unusable one, of size 0, joins the shard of its neighbour.
    """
    count = len(sizes)
    usable = np.flatnonzero(sizes)
    if options.samples_per_shard is not None:
        yield 0
        yield from usable[options.samples_per_shard :: options.samples_per_shard].tolist()
    else:
        ends = np.cumsum(sizes)
        start = 0
        while start <= usable[-1]:
            yield start
            before = int(ends[start - 1]) if start else 0
            fit = int(np.searchsorted(ends, before + options.shard_bytes, side="right"))
            start = max(fit, int(usable[np.searchsorted(usable, start)]) + 1)
    yield count
