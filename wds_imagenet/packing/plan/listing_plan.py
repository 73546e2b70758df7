"""The shard plan: which sample goes where, decided before the first byte is written. Pure."""

import hashlib
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from wds_imagenet.errors import PlanError, SourceError, UsageError
from wds_imagenet.format.tar import RECORD
from wds_imagenet.inputs.keys import repeated_positions
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.duplicate_keys import case_note
from wds_imagenet.packing.plan.schema import Schema, decide
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.plan.source_urls import common_folder, relative
from wds_imagenet.sample import check_key
from wds_imagenet.util import rng, strict_json

VERSION: Final = 1
"""Of the bytes that a plan leads to; it changes when they do."""
FORMAT: Final = "wds-imagenet-plan"
_SHUFFLE: Final = 0x5348554646  # the purpose of this draw, apart from every other of the same seed
_UNKNOWN_SIZE: Final = 128 << 10
_UNKNOWN_ATTACHMENT: Final = 8 << 10
_BYTES_PER_PIXEL: Final = 0.32  # of a photo as JPEG of quality 90
_JSON_BYTES: Final = 512
_CHUNK: Final = 4096
MAX_SHARDS: Final = 1_000_000


@dataclass(frozen=True)
class Plan:
    """Every shard's samples in their order, and the fingerprint of all that decides the bytes."""

    options: PackOptions
    schema: Schema
    listing: Listing
    order: npt.NDArray[np.int64]
    """Indices into the listing, in the order of the shards."""
    bounds: tuple[int, ...]
    """Shard i has the positions `bounds[i]` to `bounds[i + 1]` of the order."""
    references_sha256: str
    classes_sha256: str
    expected_bytes: int
    """Of all shards, by the sizes that the source told."""
    notes: tuple[str, ...]

    @cached_property
    def shard_names(self) -> tuple[str, ...]:
        """The shards' names, in their order."""
        return tuple(
            f"{self.options.name}-{self.options.split}-{i:06d}.tar" for i in range(len(self.bounds) - 1)
        )

    def task(self, shard: int) -> ShardTask:
        """Return what a worker must know to build one shard."""
        positions = self.order[self.bounds[shard] : self.bounds[shard + 1]]
        references = tuple(self.listing.references[i] for i in positions.tolist())
        return ShardTask(self.shard_names[shard], references)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of `to_json()`: two plans with the same one give the same bytes."""
        return hashlib.sha256(self.to_json()).hexdigest()

    def to_json(self) -> bytes:
        """Return the plan's bytes, as they lie beside the shards: no URL, no secret, no clock."""
        # Only where there are any, so that all other plans have the bytes that they always had.
        attachments = {"attachments": self.schema.attachments} if self.schema.attachments else {}
        return strict_json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "options": self.options.to_json(),
                "samples": len(self.order),
                "shards": len(self.shard_names),
                "fields": {item.name: item.kind for item in self.schema.fields},
                "classes": len(self.listing.classes),
                "classes_sha256": self.classes_sha256,
                "references_sha256": self.references_sha256,
                **attachments,
            }
        )


def plan(listing: Listing, options: PackOptions) -> Plan:
    """Lay out a listing in shards.

    The same listing and options give the same plan on every machine; moving the data set as a whole
    to another folder or store changes nothing. Costs a few microseconds a sample and no I/O. Raises
    `SourceError` for an empty listing, two samples with one key, or metadata that JSON cannot hold.
    """
    references = listing.references
    if not references:
        raise SourceError("there are no images to pack: the source listed none")
    clashes = _check_keys(references)
    schema = decide(listing, rewritten=options.rewrites)
    count = len(references)
    if options.shuffled:
        order = rng.permutation(rng.mix(options.seed, _SHUFFLE), count)
    else:
        order = np.arange(count, dtype=np.int64)
    sizes = np.fromiter((expected_size(r, r.size, schema, options) for r in references), np.int64, count)
    sizes = sizes[order]
    options = options.for_bytes(int(sizes.sum()))
    bounds = tuple(_bounds(sizes, options))
    shards = len(bounds) - 1
    if shards > MAX_SHARDS:
        raise UsageError(f"{shards:,} shards; at most {MAX_SHARDS:,} have names: make them larger")
    renamed = [f for f in schema.fields if f.name != f.source]
    notes = (
        *listing.notes,
        *clashes,
        *(f"the metadata field {f.source!r} becomes {f.name!r} in the JSON" for f in renamed),
    )
    return Plan(
        options=options,
        schema=schema,
        listing=listing,
        order=order,
        bounds=bounds,
        references_sha256=hash_references(references),
        classes_sha256=hash_classes(schema),
        expected_bytes=int(sizes.sum()),
        notes=notes,
    )


def differences(theirs: bytes, ours: bytes) -> str:
    """Say in what the plan that a destination holds differs from the one at hand."""
    old, new = _parse(theirs), strict_json.loads(ours)
    found = [*_compare(old.pop("options", {}), new.pop("options")), *_compare(old, new)]
    return "; ".join(found) or "it is written in another way"


def option_differences(theirs: bytes, options: PackOptions, open_choices: Collection[str]) -> str:
    """Say in which options the plan that a destination holds differs, those not yet settled left out."""
    old = _parse(theirs).get("options", {})
    new = {n: value for n, value in options.to_json().items() if n in old and n not in open_choices}
    return "; ".join(_compare({name: old[name] for name in new}, new))


def _parse(plan: bytes) -> dict[str, Any]:
    try:
        value = strict_json.loads(plan)
    except ValueError as error:
        raise PlanError(f"the plan at the destination cannot be read: {error}") from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise PlanError("the plan at the destination is none of wds-imagenet's")
    return value


def _compare(old: Any, new: dict[str, Any]) -> Iterator[str]:  # noqa: ANN401 - a stranger's JSON
    old = old if isinstance(old, dict) else {}
    for name in sorted({*old, *new}):
        before, now = old.get(name), new.get(name)
        if before == now:
            continue
        if name.endswith("_sha256"):
            yield f"the {name.removesuffix('_sha256')} are not the same"
        elif name == "stream" and isinstance(now, dict):
            yield from _compare(before, now)
        elif name == "labels" and isinstance(before, list) and isinstance(now, list):
            yield from _compare_labels(before, now)
        else:
            yield f"{name} was {before!r:.200} there, is {now!r:.200} now"


def _compare_labels(old: list[Any], new: list[Any]) -> Iterator[str]:
    theirs, ours = (
        {str(item.get("name")): item for item in items if isinstance(item, dict)} for items in (old, new)
    )
    for name in sorted({*theirs, *ours}):
        if name not in theirs or name not in ours:
            yield f"the labels {name!r} are {'new' if name in ours else 'no longer given'}"
            continue
        before, now = ({**item} for item in (theirs[name], ours[name]))
        if before.pop("sha256", None) != now.pop("sha256", None):
            yield f"what the labels {name!r} say is not the same"
        yield from (f"of the labels {name!r}, {told}" for told in _compare(before, now))


def _check_keys(references: Sequence[Reference]) -> tuple[str, ...]:
    """Refuse two samples of one key; return a note where keys differ in case alone."""
    # Of a million keys nearly all are alone with their hash: only the others are held and compared.
    hashes = array("q", (hash(check_key(r.key).lower()) for r in references))
    names: dict[str, str] = {}
    folded: dict[str, str] = {}
    clashes = []
    for place in repeated_positions(hashes):
        key, name = references[place].key, references[place].name
        if key in names:
            raise SourceError(f"{names[key]!r} and {name!r} have the same key {key!r}")
        names[key] = name
        first = folded.setdefault(key.lower(), key)
        if first != key:
            clashes.append(f"{first!r} and {key!r}")
    return case_note(clashes)


def expected_size(reference: Reference, size: int | None, schema: Schema, options: PackOptions) -> int:
    """Return about how many bytes a sample takes in its shard, given those of its image."""
    size = _UNKNOWN_SIZE if size is None else size
    if options.jpeg.short_side is not None:
        pixels = options.jpeg.short_side**2 * 4 / 3  # photos are 4:3, more or less
        size = min(size, int(pixels * _BYTES_PER_PIXEL))
    if schema.captioned:
        size += len(reference.caption or "")
    size += sum(_UNKNOWN_ATTACHMENT if a.size is None else a.size for a in reference.attachments)
    return size + len(schema.suffixes) * (RECORD + RECORD // 2) + _JSON_BYTES


def _bounds(sizes: npt.NDArray[np.int64], options: PackOptions) -> Iterator[int]:
    """Yield where each shard begins, then where the last one ends."""
    count = len(sizes)
    if options.samples_per_shard is not None:
        yield from range(0, count, options.samples_per_shard)
    else:
        ends = np.cumsum(sizes)
        start = 0
        while start < count:
            yield start
            before = int(ends[start - 1]) if start else 0
            fit = int(np.searchsorted(ends, before + options.shard_bytes, side="right"))
            start = max(fit, start + 1)
    yield count


def hash_classes(schema: Schema) -> str:
    """Return the SHA-256 of the class table. Raises `SourceError` for one that JSON cannot hold."""
    try:
        return hashlib.sha256(strict_json.dumps(schema.classes)).hexdigest()
    except (TypeError, ValueError) as error:
        raise SourceError(f"the class table has no JSON form: {error}") from error


def hash_references(references: Sequence[Reference]) -> str:
    """Return the SHA-256 of what the references say, wherever the data set lies."""
    folder = common_folder(reference.url for reference in references)
    beside = common_folder(item.url for reference in references for item in reference.attachments)
    digest = hashlib.sha256()
    for start in range(0, len(references), _CHUNK):
        chunk = references[start : start + _CHUNK]
        try:
            digest.update(strict_json.dumps([_identity(r, folder, beside) for r in chunk]))
        except (TypeError, ValueError):
            for reference in chunk:
                _check_json(reference, folder, beside)
            raise
    return digest.hexdigest()


def _identity(reference: Reference, folder: str, beside: str) -> list[Any]:
    attachments = [
        [item.suffix, relative(item.url, beside), item.offset, item.size, item.encoding]
        for item in reference.attachments
    ]
    return [
        reference.key,
        relative(reference.url, folder),
        reference.offset,
        reference.size,
        reference.name,
        reference.label,
        reference.caption,
        reference.metadata,
        *([attachments] if attachments else []),
        *([{"turn": reference.rotation}] if reference.rotation else []),
    ]


def _check_json(reference: Reference, folder: str, beside: str) -> None:
    try:
        strict_json.dumps(_identity(reference, folder, beside))
    except (TypeError, ValueError) as error:
        raise SourceError(f"what is known of {reference.name!r} has no JSON form: {error}") from error
