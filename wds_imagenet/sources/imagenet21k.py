"""`imagenet21k`: the whole ImageNet, as released in fall 2011 and in winter 2021.

As released::

    fall11_whole.tar            n00004475.tar, …                  a tar of tars, listed in place
    winter21_whole.tar.gz       winter21_whole/n00004475.tar, …   gzipped outside: a stream

and in each inner tar `n00004475_6590.JPEG`, ….
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.synset_lists import (
    DAMAGED_IMAGES,
    SynsetList,
    check_wnids,
    class_table,
    damaged_images,
    find_synset_list,
    read_wnids,
)
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.gzip_images import STREAM_NOTE, read_streamed_images, stream_identity
from wds_imagenet.inputs.gzip_tar import is_gzipped
from wds_imagenet.inputs.image_files import describe_files, ignored_notes, is_hidden, is_image
from wds_imagenet.inputs.keys import check_sorted_keys, key_of_file
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_WNID: Final = re.compile(r"n[0-9]{8}")
_SYNSET_TAR: Final = re.compile(r"n[0-9]{8}\.tar")
_NOTHING: Final[Metadata] = {}
_MANY: Final = 5
_DAMAGED: Final = (
    "images known to be damaged in the release, packed as they are unless their headers show it, when option "
    "'on_bad' decides:"
)


def imagenet21k(
    url: str,
    *,
    class_list: Annotated[
        str | None, "whose labels: fall11, winter21, google or microsoft; or give classes"
    ] = None,
    classes: Classes = None,
    names: Annotated[str | None, "class names by WNID, such as imagenet_synset_to_lemma.txt"] = None,
    others: Annotated[str | None, "skip, to leave out images whose class is not in the list"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List the whole ImageNet: `fall11_whole.tar`, `winter21_whole.tar.gz`, or what came out of them.

    The label is the place of the WNID in the class list: that in the file `classes`, which must be the one
    that `class_list` names, by its hash (of winter21, of which there is none, by count, order and anchors).
    Without the file, the sorted WNIDs of a listing are the class list if they pass the same test; a
    gzipped archive needs it. The WNID is that of the folder or inner tar, else of the name.

    Keys are the stems, and a listing's references come in their order, on disk; a name that does not begin
    with its folder's WNID has the folder in its key. Images known to be damaged, and counts that differ
    from the published ones, are noted. Costs a listing, or the headers of the archive: 25 µs an image. A
    gzipped archive gives a stream, in its own order. Raises `SourceError` for images of classes that are
    not in the list, naming them, unless they are to be skipped.
    """
    known = find_synset_list(class_list)
    if known is None and classes is None:
        raise UsageError(
            "say whose labels: give option 'class_list' (fall11, winter21, google or microsoft), or option "
            "'classes'"
        )
    if others not in {None, "skip"}:
        raise UsageError(f"option 'others' can be skip, not {others!r}")
    wnids = None if classes is None else read_wnids(classes, known, storage_options)
    if not is_gzipped(url, storage_options):
        return _list(url, known, wnids, names, storage_options, skip=others == "skip")
    if wnids is None:
        raise UsageError(
            f"{url} is gzipped, so its classes are known only at its end: give the class list as option "
            "'classes'" + (f" ({known.file})" if known else "")
        )
    table = class_table(wnids, names, storage_options)
    labels = {wnid: label for label, wnid in enumerate(wnids)}

    def refer(file: ListedFile) -> Reference | None:
        wnid = _wnid_of(file)
        if wnid in labels:
            return _refer(file, wnid, labels[wnid])
        if others == "skip":
            return None
        raise SourceError(
            f"{_where(file)}: its class {wnid} is not in {classes}; is that the list of this release? To "
            "leave such images out, give option others='skip'"
        )

    identity = stream_identity(url, storage_options, table, source="imagenet21k", others=others)
    return Stream(
        identity=identity,
        images=partial(read_streamed_images, url, storage_options, refer),
        labelled=True,
        classes=table,
        notes=tuple(_stream_notes(known, skip=others == "skip")),
        published=None if known is None or others == "skip" else known.images,
        size=identity["bytes"],  # gzip makes JPEGs hardly smaller
    )


def _list(
    url: str,
    known: SynsetList | None,
    wnids: Sequence[str] | None,
    names: str | None,
    options: StorageOptions,
    *,
    skip: bool,
) -> Listing:
    counts: Counter[str] = Counter()
    passed: list[str] = []
    corrupt: list[str] = []
    labels = None if wnids is None else {wnid: label for label, wnid in enumerate(wnids)}

    def found() -> Iterator[Reference]:
        for file in list_files(url, options, _SYNSET_TAR):
            if is_hidden(file.path) or not is_image(file.path):
                passed.append(file.path)
                continue
            wnid = _wnid_of(file)
            counts[wnid] += 1
            if labels is None or wnid in labels:
                reference = _refer(file, wnid, None if labels is None else labels[wnid])
                if reference.key in DAMAGED_IMAGES:
                    corrupt.append(reference.key)
                yield reference

    references = spill_in_order(found(), lambda reference: reference.key)
    if not counts:
        raise SourceError(f"there are no images in {url}: {describe_files(passed)}")
    if wnids is None:
        wnids = sorted(counts)
        if known is not None:
            check_wnids(wnids, known, url)
        numbers = {wnid: label for label, wnid in enumerate(wnids)}
        references = SpilledReferences(replace(r, label=numbers[r.key[:9]]) for r in references)
    unlisted = _unlisted(counts, wnids)
    if unlisted and not (skip and len(references)):
        raise SourceError(
            f"{url}: {unlisted}; is that the list of this release? To leave them out, give option "
            "others='skip'"
        )
    check_sorted_keys(references)
    notes = [
        *ignored_notes(passed, "files that are hidden or no images"),
        *([f"left out are {unlisted}"] if unlisted else []),
        *_count(counts, wnids, known),
        *([f"{_DAMAGED} {', '.join(corrupt)}"] if corrupt else []),
    ]
    return Listing(references, class_table(wnids, names, options), tuple(notes))


def _wnid_of(file: ListedFile) -> str:
    *folders, name = file.path.split("/")
    for part in (*reversed(folders), name.partition("_")[0]):
        if _WNID.fullmatch(part):
            return part
    raise SourceError(f"{_where(file)}: neither a folder nor the name tells a class such as n01440764")


def _refer(file: ListedFile, wnid: str, label: int | None) -> Reference:
    name = file.path.rsplit("/", 1)[-1]
    # A file may lie in another class's folder than its name says, and under that name in its own.
    key = key_of_file(file, name if name.startswith(f"{wnid}_") else f"{wnid}/{name}")
    return Reference(key, file.url, file.offset, file.size, name, label, None, _NOTHING)


def _where(file: ListedFile) -> str:
    return f"{file.url}: {file.path!r} at offset {file.offset:,}"


def _unlisted(counts: Mapping[str, int], wnids: Collection[str]) -> str:
    """Say which images have classes that are not in the list, "" if none."""
    strange = sorted(counts.keys() - set(wnids))
    if not strange:
        return ""
    images = sum(counts[wnid] for wnid in strange)
    more = ", …" if len(strange) > _MANY else ""
    listed = ", ".join(strange[:_MANY]) + more
    return (
        f"{quantity(images, 'images')} of {quantity(len(strange), 'classes')} not in the class list: {listed}"
    )


def _count(counts: Mapping[str, int], wnids: Sequence[str], known: SynsetList | None) -> Iterator[str]:
    """Yield the notes on what differs from what was published."""
    images = sum(counts.values())
    if known is not None and images != known.images:
        yield f"{quantity(images, 'images')}, where the release of {known.name} has {known.images:,}"
    empty = len(set(wnids) - counts.keys())
    if empty:
        yield f"{empty:,} of the {len(wnids):,} classes have no images"


def _stream_notes(known: SynsetList | None, *, skip: bool) -> Iterator[str]:
    """Yield what can be said before anything is read."""
    yield STREAM_NOTE + (", nor are images whose class is not in the list" if skip else "")
    if known is not None:
        yield f"the release of {known.name} has {known.images:,} images"
    yield f"{_DAMAGED} {', '.join(damaged_images(known))}"
