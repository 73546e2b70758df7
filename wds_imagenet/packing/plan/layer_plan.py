"""The plan of a label layer: the labels of each sample of a finished data set, shard by shard. Pure."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from wds_imagenet.errors import DataError, SourceError, UsageError
from wds_imagenet.format.layers import LayerPlan
from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.format.tar import member_header
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.packing.label_files import OpenedLabels
from wds_imagenet.packing.plan.computed_references import ComputedReferences
from wds_imagenet.packing.plan.scan import scan
from wds_imagenet.packing.plan.schema import Schema, decide
from wds_imagenet.packing.plan.shard_task import LayerTask
from wds_imagenet.util import strict_json


@dataclass(frozen=True)
class PlannedLayer:
    """Every sample's annotations, in the order of a data set's shards."""

    base: Manifest
    """The data set's."""
    plan: LayerPlan
    schema: Schema
    classes: tuple[Metadata, ...]
    """Fields that the layer adds to the data set's class table; empty if the layer has labels of its own."""
    references: Sequence[Reference]
    urls: Collection[str]
    """One URL for each scheme that the attachments use."""
    notes: tuple[str, ...]

    @property
    def shards(self) -> tuple[Shard, ...]:
        """The data set's shards that get a tar: all of them, or none for a layer of classes alone."""
        return self.base.shards if self.plan.suffixes else ()

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate((shard.samples for shard in self.base.shards), initial=0))

    def task(self, number: int) -> LayerTask:
        """Return the task of building one tar."""
        shard = self.base.shards[number]
        references = self.references[self._starts[number] : self._starts[number + 1]]
        return LayerTask(shard.name, tuple(references), tuple(block.samples for block in shard.blocks))


def plan_layer(name: str, base: Manifest, keys: bytes, labels: OpenedLabels) -> PlannedLayer:
    """Plan a layer of the labels and classes in label files.

    The same files and data set give the same plan, wherever they lie. Costs three iterations over the
    keys, and 8 bytes of memory a sample.

    Args:
        name: the layer's.
        base: the data set's manifest.
        keys: the data set's `keys.txt`.
        labels: the label files.

    Raises:
        SourceError: the files do not fit the data set, as `join_listing` raises it, or give nothing.
        DataError: a key has no ustar form, or the data set has a block without samples.
        UsageError: the options ask to leave samples out.
    """
    if any(item.unmatched == "drop" for item in labels.joins.values()):
        raise UsageError("a layer has all samples of its data set: none can be left out")
    for shard in base.shards:
        if any(not block.samples for block in shard.blocks[:-1]):
            raise DataError(f"{shard.name} has a block without samples, which no layer can match")
    samples = _references(keys)
    listing = labels.annotate_listing(Listing(samples, base.classes or labels.classes))
    # A layer without labels is used with those of the data set, and does not repeat their class table.
    classes_of_labels = listing.classes if labels.labelled else ()
    scanned = scan(listing.references, len(classes_of_labels))
    schema = decide(scanned.census, classes_of_labels, rewritten=False)
    classes = () if labels.labelled else labels.classes
    suffixes = schema.layer_suffixes
    if not suffixes and not classes:
        raise SourceError("the label files have nothing for any sample: give other files")
    longest = max(suffixes, key=len, default="")
    for sample in samples:
        member_header(f"{sample.key}.{longest}", 0)
    plan = LayerPlan(
        name=name,
        base=base.fingerprint,
        suffixes=suffixes,
        fields={item.name: item.kind for item in schema.fields},
        annotations_sha256=scanned.hash.hexdigest(),
        classes_sha256=hashlib.sha256(strict_json.dumps(schema.classes or classes)).hexdigest(),
        labels=(
            *({"name": of, "count": item.labels.count} for of, item in labels.joins.items()),
            *({"name": of, "classes": len(item.classes)} for of, item in labels.tables.items()),
        ),
    )
    notes = listing.notes
    if classes and not base.classes:
        notes += ("the data set has no class table, so the numbering of the files' classes is not checked",)
    return PlannedLayer(base, plan, schema, classes, listing.references, scanned.urls, notes)


def _references(keys: bytes) -> ComputedReferences:
    """Return the samples of a data set as references without images."""
    ends = np.flatnonzero(np.frombuffer(keys, np.uint8) == ord("\n"))

    def compute(index: int) -> Reference:
        start = int(ends[index - 1]) + 1 if index else 0
        key = keys[start : int(ends[index])].decode("utf-8")
        return Reference(key, "", 0, 0, key)

    return ComputedReferences(len(ends), compute)
