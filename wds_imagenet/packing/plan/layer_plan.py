"""A label layer's plan: what each sample of a finished data set gets, shard by shard. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, overload

import numpy as np

from wds_imagenet.errors import DataError, SourceError, UsageError
from wds_imagenet.format.layers import LayerPlan
from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.format.tar import member_header
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.packing.plan.label_files import Opened
from wds_imagenet.packing.plan.listing_plan import hash_references
from wds_imagenet.packing.plan.schema import Schema, decide
from wds_imagenet.util import strict_json


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One tar of a layer, to be built."""

    name: str
    references: tuple[Reference, ...]
    """Its samples, in their order. They have no image."""
    blocks: tuple[int, ...]
    """How many samples each block has: as many as that of the shard it goes with."""


@dataclass(frozen=True)
class Layering:
    """Every sample's annotations, in the order of a data set's shards."""

    base: Manifest
    plan: LayerPlan
    schema: Schema
    classes: tuple[Metadata, ...]
    """What it adds to the class table of the data set, where it gives no labels."""
    references: Sequence[Reference]
    notes: tuple[str, ...]

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The shards that tars of it go with: none, if it tells of classes alone."""
        return self.base.shards if self.plan.suffixes else ()

    def tasks(self) -> list[tuple[str, range]]:
        """Return each shard's name and the places of its samples."""
        starts = np.cumsum([0, *(shard.samples for shard in self.base.shards)]).tolist()
        return [
            (shard.name, range(start, stop))
            for shard, start, stop in zip(self.base.shards, starts, starts[1:], strict=False)
        ]

    def task(self, number: int) -> LayerTask:
        """Return what a worker must know to build one tar."""
        name, places = self.tasks()[number]
        blocks = tuple(block.samples for block in self.base.shards[number].blocks)
        return LayerTask(name, tuple(self.references[places.start : places.stop]), blocks)


def plan_layer(name: str, base: Manifest, keys: bytes, opened: Opened) -> Layering:
    """Plan a layer of what label files say of a data set's samples and classes.

    `keys` is its `keys.txt`. The same files and data set give the same plan, wherever they lie. Costs a
    few passes over the keys, and 8 bytes a sample beside them. Raises `SourceError` as joining does, and
    where the files give nothing; `DataError` for a key that has no ustar form.
    """
    if any(item.unmatched == "drop" for item in opened.joins.values()):
        raise UsageError("a layer has the samples of its data set, all of them: nothing can be left out")
    for shard in base.shards:
        if any(not block.samples for block in shard.blocks[:-1]):
            raise DataError(f"{shard.name} has a block without samples, which no layer can go with")
    listing = opened.annotate_listing(Listing(_Keys(keys), base.classes or opened.classes))
    # Without labels of its own it goes with those of the data set, and repeats no table of theirs.
    schema = decide(listing if opened.labelled else replace(listing, classes=()), rewritten=False)
    classes = () if opened.labelled else opened.classes
    suffixes = layer_suffixes(schema)
    if not suffixes and not classes:
        raise SourceError("the label files give nothing that a sample could have")
    longest = max(suffixes, key=len, default="")
    for reference in listing.references:
        member_header(f"{reference.key}.{longest}", 0)
    plan = LayerPlan(
        name=name,
        base=base.fingerprint,
        suffixes=suffixes,
        fields={item.name: item.kind for item in schema.fields},
        annotations_sha256=hash_references(listing.references),
        classes_sha256=hashlib.sha256(strict_json.dumps(schema.classes or classes)).hexdigest(),
        labels=(
            *({"name": of, "count": item.labels.count} for of, item in opened.joins.items()),
            *({"name": of, "classes": len(item.classes)} for of, item in opened.tables.items()),
        ),
    )
    notes = listing.notes
    if classes and not base.classes:
        notes += ("the data set has no class table: that its labels are those of the files is taken as said",)
    return Layering(base, plan, schema, classes, listing.references, notes)


def layer_suffixes(schema: Schema) -> tuple[str, ...]:
    """Return the members of a layer's samples, in their order: what the layer gives, and no image."""
    has_json = schema.labelled or bool(schema.fields)
    own = ("cls",) * schema.labelled + ("json",) * has_json + ("txt",) * schema.captioned
    return own + schema.attachments


class _Keys(Sequence[Reference]):
    """The samples of a data set as references without images, made as they are asked for."""

    def __init__(self, keys: bytes) -> None:
        self._keys: Final = keys
        self._ends: Final = np.flatnonzero(np.frombuffer(keys, np.uint8) == ord("\n"))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> Reference: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Reference]: ...
    def __getitem__(self, place: int | slice) -> Reference | Sequence[Reference]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if place >= len(self):
            raise IndexError(place)
        start = int(self._ends[place - 1]) + 1 if place else 0
        key = self._keys[start : int(self._ends[place])].decode("utf-8")
        return Reference(key, "", 0, 0, key)
