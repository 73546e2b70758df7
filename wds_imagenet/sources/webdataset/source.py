"""`webdataset`: the samples of WebDataset shards, to be packed anew."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.inputs.json_types import KindCounts, as_kind, common_kind, count_kinds
from wds_imagenet.inputs.keys import first_duplicate_key
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.sample import IMAGE_SUFFIXES
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.sources.webdataset.selected_samples import SelectedSamples
from wds_imagenet.sources.webdataset.selection import read_label_map, select
from wds_imagenet.sources.webdataset.shard_listing import SMALL
from wds_imagenet.sources.webdataset.shard_set import find_shards
from wds_imagenet.storage.signatures import identifying_queries
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

_JSON_FIELDS: Final = {"name": "class_name"}
"""Fields of the class table that have another name in the JSON of samples."""


def webdataset(
    url: str,
    *more: str,
    split: Annotated[
        str | None, "train, validation or test; required if the shards have more than one split"
    ] = None,
    select_keys: Annotated[str | None, "file with the keys to take, one per line"] = None,
    select_labels: Annotated[
        str | None, "take only the samples that have these labels in the shards, such as 0,5-9"
    ] = None,
    relabel: Annotated[
        str | None,
        "file that replaces labels, with lines of the form old<TAB>new; a new label may be a name",
    ] = None,
    classes: Classes = None,
    leave_out: Annotated[str | None, "suffixes of members to leave out, such as txt,seg.png"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List the samples in WebDataset shards: tars, folders of them, or `in1k-{000..146}.tar`.

    References point at the images inside the shards; nothing is extracted. Each sample has one image. `cls`,
    or else the JSON field `label`, is its label, `txt` its caption, `json` its metadata. All other members
    become attachments, and every sample has the same ones. Shards that this package packed keep their class
    table; the class and image fields of their JSON are made anew.

    References come in the order of the shards. Costs 80 µs a sample and 8 bytes of memory, and a read for
    each header and small member; a remote shard whose images are smaller than 2 MiB is read whole. Gzipped
    shards give a stream and are read twice; their members may have at most 256 MiB.

    Args:
        url: a shard, a folder of shards, or a pattern.
        more: further inputs of the same split.
        split: `train`, `validation` or `test`.
        select_keys: file with the keys to take, one a line.
        select_labels: labels to take, such as `0,5-9`.
        relabel: file of `old<TAB>new` lines; the new labels are numbers or names.
        classes: class list that gives each name its label.
        leave_out: suffixes of members to ignore, such as `txt,seg.png`.
        storage_options: options of the stores.

    Raises:
        SourceError: a sample has no image or several, a member is malformed, a key repeats, or the samples
            have different members; the message names shard, member and offset.
        CorruptError: a shard is damaged.
    """
    listed = None if classes is None else read_classes(classes, storage_options=storage_options)
    found = [find_shards(one, split, storage_options) for one in (url, *more)]
    first = found[0]
    for one, other in zip((url, *more), found, strict=True):
        if (other.split, other.table) != (first.split, first.table):
            raise SourceError(
                f"{one} has another split or another class table than {url}: pack the two apart"
            )
    parts = [part for one in found for part in one.parts]
    selected = SelectedSamples(
        select(select_keys, select_labels, storage_options),
        read_label_map(relabel, listed, storage_options),
        frozenset({"label", *(_JSON_FIELDS.get(name, name) for item in first.table for name in item)}),
        frozenset(filter(None, (leave_out or "").lower().replace(" ", "").split(","))),
    )
    references = SpilledReferences(reference for _, reference in selected.read(parts))
    if not references:
        raise SourceError(f"no sample in {url} is selected; there are {selected.passed:,}")
    _check_unique(references)
    new = selected.label_map.classes
    table = first.table if new is None else new
    notes = (*(note for one in found for note in one.notes), *selected.notes())
    listing = Listing(references, table, notes, first.split)
    return _stream((url, *more), parts, selected, references, listing) if selected.gzipped else listing


def _stream(
    urls: Sequence[str],
    parts: Sequence[SplitFile],
    selected: SelectedSamples,
    references: Sequence[Reference],
    listing: Listing,
) -> Stream:
    """Return the stream of the samples listed in the first pass."""
    kinds: KindCounts = {}
    digest = hashlib.sha256()
    unlabelled, captioned, size = 0, False, 0
    first = ""
    for reference in references:
        count_kinds(kinds, reference.metadata)
        if reference.label is None:
            unlabelled += 1
            first = first or f"{reference.url}, member {reference.name!r} at offset {reference.offset:,}"
        captioned |= reference.caption is not None
        attached = [[item.suffix, item.size] for item in reference.attachments]
        size += (reference.size or 0) + sum(item.size or 0 for item in reference.attachments)
        values = [reference.key, reference.label, reference.caption, reference.metadata]
        digest.update(strict_json.dumps([*values, *([attached] if attached else [])]))
    if 0 < unlabelled < len(references):
        raise SourceError(
            f"{first} has no label (in all, {unlabelled:,} of {len(references):,} images have none), but "
            "others have: label all or none"
        )
    fields = {name: common_kind(counts, len(references)) for name, counts in kinds.items()}

    def images() -> Iterator[StreamedImage]:
        again = SelectedSamples(
            selected.selection, selected.label_map, selected.class_fields, selected.left_out
        )
        for sample, reference in again.read(parts, SMALL.union(IMAGE_SUFFIXES, selected.suffixes)):
            metadata = {name: as_kind(value, fields[name]) for name, value in reference.metadata.items()}
            image = next(sample.contents[suffix] for suffix in sample.members if suffix in IMAGE_SUFFIXES)
            attached = tuple(sample.contents[item.suffix] for item in reference.attachments)
            yield StreamedImage(replace(reference, metadata=metadata), image, attached)

    return Stream(
        identity={
            "source": "webdataset",
            **identifying_queries(urls),
            "files": [[part.info.path, part.info.size] for part in parts],
            "samples_sha256": digest.hexdigest(),
        },
        images=images,
        labelled=not unlabelled,
        fields=fields,
        captioned=captioned,
        suffixes=selected.suffixes,
        classes=listing.classes,
        notes=listing.notes,
        split=listing.split,
        samples=len(references),
        size=size,
    )


def _check_unique(references: Sequence[Reference]) -> None:
    if (pair := first_duplicate_key(references)) is not None:
        first, other = (references[place] for place in pair)
        raise SourceError(
            f"{other.url}: the image at offset {other.offset:,} has the same key as the image at "
            f"{first.offset:,} of {first.url}, {other.key!r}: keys must be unique in a data set"
        )
