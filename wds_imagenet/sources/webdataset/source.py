"""`webdataset`: the samples of WebDataset shards, to be packed anew."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Annotated, Final, cast

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.inputs.image_files import READ_SUFFIXES
from wds_imagenet.inputs.json_types import KindCounts, as_kind, common_kind, count_kinds
from wds_imagenet.inputs.keys import first_duplicate
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.inputs.shards.member_notes import MemberNotes
from wds_imagenet.inputs.shards.member_rules import (
    DEFAULT_JSON_BYTES,
    KeyEnd,
    MemberRules,
    as_suffix,
    parse_nan_as,
)
from wds_imagenet.inputs.shards.numbering import gap_notes
from wds_imagenet.inputs.shards.shard_reader import read_images
from wds_imagenet.inputs.spilled.references import SpilledReferences
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.sources.webdataset.selected_samples import SelectedSamples
from wds_imagenet.sources.webdataset.selection import read_label_map, select
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
    select_keys: Annotated[
        str | None, "file with the keys, file names or paths of the samples to take, one a line"
    ] = None,
    select_labels: Annotated[
        str | None, "labels, WNIDs or names of the classes to take, such as 0,5-9,n01440764"
    ] = None,
    relabel: Annotated[
        str | None,
        "file that replaces labels, with lines of the form old<TAB>new; a new label may be a name",
    ] = None,
    classes: Classes = None,
    leave_out: Annotated[str | None, "suffixes of members to leave out, such as txt,seg.png"] = None,
    label_suffix: Annotated[str | None, "suffix of the member with the label; by default cls"] = None,
    label_field: Annotated[
        str | None, "JSON field with the label of samples without such a member; by default label"
    ] = None,
    image: Annotated[
        str | None, "member that is the image, such as left.jpg; the others stay as attachments"
    ] = None,
    keys: Annotated[
        str | None, "shard: put the name of the shard in front of each key, if shards have equal keys"
    ] = None,
    key_ends: Annotated[
        str | None, "first-dot (the default) or last-dot: the dot of a member's name at which its key ends"
    ] = None,
    gather: Annotated[
        bool | None, "join the members of a sample that are not side by side in their shard"
    ] = None,
    nan_as: Annotated[
        str | None, "null or a number, in place of NaN and infinities in JSON; by default they are faults"
    ] = None,
    max_json_bytes: Annotated[
        int | None, "size of the largest JSON, label or caption that is read; by default 1MiB"
    ] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List the samples in WebDataset shards: tars, folders of them, or `in1k-{000..146}.tar`.

    References point at the images inside the shards; nothing is extracted. Each sample has one image. `cls`,
    or else the JSON field `label`, is its label, `txt` its caption, `json` its metadata. All other members
    become attachments, and every sample has the same ones. Shards that this package packed keep their class
    table; the class and image fields of their JSON are made anew.

    A sample without image, or with a member that cannot be read, gets a reference with a fault. Hidden and
    system files, members called `__…__` and members without suffix are ignored.

    References come in the order of the shards. Costs 80 µs a sample and 8 bytes of memory, and a read for
    each header and small member; a remote shard whose images are smaller than 2 MiB is read whole. Shards
    compressed by gzip, xz or bzip2 give a stream and are read twice; their members may have at most 256 MiB.

    Args:
        url: a shard, a folder of shards, or a pattern.
        more: further inputs of the same split.
        split: `train`, `validation` or `test`.
        select_keys: file with the keys to take, one a line; also file names and paths, with a label or not.
        select_labels: labels, WNIDs or names to take, such as `0,5-9,n01440764`.
        relabel: file of `old<TAB>new` lines; the new labels are numbers or names.
        classes: class list that gives each name its label.
        leave_out: suffixes of members to ignore, such as `txt,seg.png`. They are not read.
        label_suffix: suffix of the member with the label, instead of `cls`.
        label_field: JSON field with the label, instead of `label`.
        image: suffix of the image, such as `left.jpg`, if a sample has several or none with a usual suffix.
        keys: `shard` puts the name of its shard in front of each key.
        key_ends: `first-dot` or `last-dot`.
        gather: join members of a sample that are not side by side. Costs the memory of all headers and small
            members of a shard.
        nan_as: `null` or a number, in place of NaN and infinities in JSON.
        max_json_bytes: size of the largest JSON, label or caption that is read.
        storage_options: options of the stores.

    Raises:
        SourceError: a key repeats, the members of a sample are not side by side, or the samples have
            different members; the message names shard, member and offset.
        UsageError: the value of an option is malformed.
        CorruptError: a shard is damaged.
    """
    rules = MemberRules(
        label_suffix=as_suffix(label_suffix or "cls"),
        label_field=label_field or "label",
        image=None if image is None else as_suffix(image),
        images=READ_SUFFIXES,
        left_out=frozenset(filter(None, map(as_suffix, (leave_out or "").split(",")))),
        key_ends=cast("KeyEnd", key_ends or "first-dot"),
        gather=bool(gather),
        max_json_bytes=DEFAULT_JSON_BYTES if max_json_bytes is None else max_json_bytes,
        **({} if nan_as is None else {"nan_as": parse_nan_as(nan_as)}),
    )
    if keys not in {None, "shard"}:
        raise UsageError(f"option 'keys' is shard, and not {keys!r:.40}")
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
        read_label_map(relabel, listed, storage_options, first.table),
        frozenset({"label", *(_JSON_FIELDS.get(name, name) for item in first.table for name in item)}),
        MemberNotes(rules),
        keys_by_shard=keys == "shard",
    )
    references = SpilledReferences(selected.read(parts))
    if not references:
        raise SourceError(
            f"no sample in {url} is selected; there are {selected.passed:,}{selected.selection.advice()}"
        )
    _check_unique(references)
    new = selected.label_map.classes
    table = first.table if new is None else new
    gaps = gap_notes(parts, [shard for one in found for shard in one.listed])
    notes = (*(note for one in found for note in one.notes), *gaps, *selected.notes())
    listing = Listing(references, table, notes, first.split)
    return _stream((url, *more), parts, selected, references, listing) if selected.compressed else listing


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
        if reference.fault is not None:
            digest.update(strict_json.dumps([reference.key, reference.fault]))
            continue
        count_kinds(kinds, reference.metadata)
        if reference.label is None:
            unlabelled += 1
            first = first or f"{reference.url}, member {reference.name!r} at offset {reference.offset:,}"
        captioned |= reference.caption is not None
        attached = [[item.suffix, item.size] for item in reference.attachments]
        size += (reference.size or 0) + sum(item.size or 0 for item in reference.attachments)
        values = [reference.key, reference.label, reference.caption, reference.metadata]
        digest.update(strict_json.dumps([*values, *([attached] if attached else [])]))
    fields = {name: common_kind(counts, selected.taken) for name, counts in kinds.items()}

    def images() -> Iterator[StreamedImage]:
        by_url = {part.url: part for part in parts}
        for url, found in groupby(references, key=lambda reference: reference.url):
            for image in read_images(by_url[url], found):
                known = image.reference
                metadata = {name: as_kind(value, fields[name]) for name, value in known.metadata.items()}
                yield replace(image, reference=replace(known, metadata=metadata))

    return Stream(
        identity={
            "source": "webdataset",
            **identifying_queries(urls),
            "files": [[part.info.path, part.info.size] for part in parts],
            "samples_sha256": digest.hexdigest(),
        },
        images=images,
        labelled=unlabelled < selected.taken,
        fields=fields,
        captioned=captioned,
        suffixes=selected.suffixes,
        classes=listing.classes,
        notes=listing.notes,
        split=listing.split,
        samples=selected.taken,
        size=size,
        unlabelled=first or None,
    )


def _check_unique(references: Sequence[Reference]) -> None:
    pair = first_duplicate(references, lambda r: r.key if r.fault is None else f"{r.url} {r.offset}")
    if pair is not None:
        first, other = (references[place] for place in pair)
        cure = (
            "" if first.url == other.url else "; option keys='shard' puts the shard's name in front of each"
        )
        raise SourceError(
            f"{other.url}: the image at offset {other.offset:,} has the same key as the image at "
            f"{first.offset:,} of {first.url}, {other.key!r}: keys must be unique in a data set{cure}"
        )
