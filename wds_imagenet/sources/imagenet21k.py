"""`imagenet21k`: the whole ImageNet, as released in fall 2011 and in winter 2021.

As released::

    fall11_whole.tar            n00004475.tar, …                  a tar of tars, listed in place
    winter21_whole.tar.gz       winter21_whole/n00004475.tar, …   gzipped outside: a stream

Each inner tar holds `n00004475_6590.JPEG`, ….
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.imagenet.devkit import WNID
from wds_imagenet.imagenet.filenames import CLASS_TAR
from wds_imagenet.imagenet.synset_lists import (
    DAMAGED_IMAGES,
    SynsetList,
    check_wnids,
    class_table,
    damaged_images,
    find_synset_list,
    read_wnids,
)
from wds_imagenet.inputs.archives.compressed_images import STREAM_NOTE, read_streamed_images, stream_identity
from wds_imagenet.inputs.archives.compressed_tar import is_compressed
from wds_imagenet.inputs.archives.tar_listing import PACKED_FAULT, ListedFile, is_packed
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.image_files import describe_files, ignored_notes, is_image, key_path
from wds_imagenet.inputs.keys import check_sorted_keys, faulty, key_of_file
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_NO_METADATA: Final[Metadata] = {}
_MAX_NAMED: Final = 5
_DAMAGED: Final = (
    "images known to be damaged in the release; option 'on_bad' applies to those whose headers show the "
    "damage, and the others are packed unchanged:"
)


def imagenet21k(
    url: str,
    *,
    class_list: Annotated[
        str | None,
        "published class list: fall11, winter21, google or microsoft. Without this option, give --classes",
    ] = None,
    classes: Classes = None,
    names: Annotated[str | None, "class names by WNID, such as imagenet_synset_to_lemma.txt"] = None,
    others: Annotated[str | None, "'skip': leave out images whose class is not in the list"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List the whole ImageNet: `fall11_whole.tar`, `winter21_whole.tar.gz`, or a folder extracted from one.

    The label is the position of the WNID in the class list. The WNID is that of the folder or inner tar,
    else of the file name. Keys are the stems; a file whose name has another WNID than its folder gets the
    folder in its key. References are sorted by key, and kept on disk.

    The list in the file `classes` must be the one named by `class_list`, compared by hash. No hash of
    winter21 is published, so its count, order and known positions are compared. Without the file, the
    sorted WNIDs of a listing are the class list, if they pass the same check; a gzipped archive needs it.

    Notes report images known to be damaged, and counts that differ from the published ones. Costs a listing,
    or reading the headers of the archive: 25 µs an image. A gzipped archive gives a stream, in its own order.

    Args:
        url: the archive, or the folder.
        class_list: name of the published class list: `fall11`, `winter21`, `google` or `microsoft`.
        classes: file with the class list, one WNID a line.
        names: file with the class names by WNID.
        others: `skip` leaves out images whose class is not in the list; None makes them an error.
        storage_options: options of the stores.

    Raises:
        SourceError: images have classes that are not in the list, or the class list is another one.
        UsageError: the options do not determine a class list.
    """
    published = find_synset_list(class_list)
    if published is None and classes is None:
        raise UsageError(
            "no class list: give option 'class_list' (fall11, winter21, google or microsoft), or option "
            "'classes'"
        )
    if others not in {None, "skip"}:
        raise UsageError(f"option 'others' can be skip, not {others!r}")
    wnids = None if classes is None else read_wnids(classes, published, storage_options)
    if not is_compressed(url, storage_options):
        return _list(url, published, wnids, names, storage_options, skip=others == "skip")
    if wnids is None:
        raise UsageError(
            f"{url} is compressed, so its classes are known only at its end: give the class list as option "
            "'classes'" + (f" ({published.file})" if published else "")
        )
    table = class_table(wnids, names, storage_options)
    labels = {wnid: label for label, wnid in enumerate(wnids)}

    def refer(file: ListedFile) -> Reference | None:
        wnid = _wnid_of(file)
        if (fault := _fault(file, wnid)) is not None:
            return faulty(file, fault)
        if wnid is None:
            return None
        if wnid in labels:
            return _reference(file, wnid, labels[wnid])
        if others == "skip":
            return None
        raise SourceError(
            f"{_where(file)}: the class {wnid} is not in {classes}: give the class list of this release, or "
            "leave such images out with option others='skip'"
        )

    identity = stream_identity(url, storage_options, table, source="imagenet21k", others=others)
    return Stream(
        identity=identity,
        images=partial(read_streamed_images, url, storage_options, refer),
        labelled=True,
        classes=table,
        notes=tuple(_stream_notes(published, skip=others == "skip")),
        published=None if published is None or others == "skip" else published.images,
        size=identity["bytes"],  # gzip makes JPEGs hardly smaller
    )


def _list(
    url: str,
    published: SynsetList | None,
    wnids: Sequence[str] | None,
    names: str | None,
    options: StorageOptions,
    *,
    skip: bool,
) -> Listing:
    counts: Counter[str] = Counter()
    skipped: list[str] = []
    corrupt: list[str] = []
    labels = None if wnids is None else {wnid: label for label, wnid in enumerate(wnids)}

    def make_references() -> Iterator[Reference]:
        for file in list_files(url, options, CLASS_TAR):
            wnid = None if is_ignored(file.path) else _wnid_of(file)
            fault = _fault(file, wnid)
            if fault is not None and not is_ignored(file.path):
                yield faulty(file, fault)
                continue
            if wnid is None:
                skipped.append(file.path)
                continue
            counts[wnid] += 1
            if labels is None or wnid in labels:
                reference = _reference(file, wnid, None if labels is None else labels[wnid])
                if reference.key in DAMAGED_IMAGES:
                    corrupt.append(reference.key)
                yield reference

    references = spill_in_order(make_references(), lambda reference: reference.key)
    if not counts:
        raise SourceError(f"there are no images in {url}: {describe_files(skipped)}")
    if wnids is None:
        wnids = sorted(counts)
        if published is not None:
            check_wnids(wnids, published, url)
        numbers = {wnid: label for label, wnid in enumerate(wnids)}
        references = SpilledReferences(
            r if r.fault else replace(r, label=numbers[r.key[:9]]) for r in references
        )
    unlisted = _unlisted(counts, wnids)
    if unlisted and not (skip and len(references)):
        raise SourceError(
            f"{url}: {unlisted}: give the class list of this release, or leave these images out with option "
            "others='skip'"
        )
    check_sorted_keys(references)
    notes = [
        *ignored_notes(skipped, "files that are hidden, of the system, or beside the images"),
        *([f"left out: {unlisted}"] if unlisted else []),
        *_count_notes(counts, wnids, published),
        *([f"{_DAMAGED} {', '.join(corrupt)}"] if corrupt else []),
    ]
    return Listing(references, class_table(wnids, names, options), tuple(notes))


def _fault(file: ListedFile, wnid: str | None) -> str | None:
    """Return the reason why a file among the images cannot be used, None for any other file."""
    return file.fault or (
        PACKED_FAULT if wnid is not None and not is_image(file.path) and is_packed(file.path) else None
    )


def _wnid_of(file: ListedFile) -> str | None:
    """Return the WNID of an image, None for a file beside the images."""
    *folders, name = file.path.split("/")
    for part in (*reversed(folders), name.partition("_")[0], name.partition(".")[0]):
        if WNID.fullmatch(part):
            return part
    if not is_image(file.path):
        return None
    raise SourceError(f"{_where(file)}: neither a folder nor the file name is a WNID such as n01440764")


def _reference(file: ListedFile, wnid: str, label: int | None) -> Reference:
    name = file.path.rsplit("/", 1)[-1]
    # Some files lie in the folder of another class, and again under the same name in their own folder.
    key = key_of_file(file, key_path(name if name.startswith(f"{wnid}_") else f"{wnid}/{name}"))
    return Reference(key, file.url, file.offset, file.size, name, label, None, _NO_METADATA)


def _where(file: ListedFile) -> str:
    return f"{file.url}: {file.path!r} at offset {file.offset:,}"


def _unlisted(counts: Mapping[str, int], wnids: Collection[str]) -> str:
    """Return a phrase that counts the images whose classes are not in the list, "" if there are none."""
    unlisted = sorted(counts.keys() - set(wnids))
    if not unlisted:
        return ""
    images = sum(counts[wnid] for wnid in unlisted)
    more = ", …" if len(unlisted) > _MAX_NAMED else ""
    listed = ", ".join(unlisted[:_MAX_NAMED]) + more
    classes = quantity(len(unlisted), "classes")
    return f"{quantity(images, 'images')} of {classes} not in the class list: {listed}"


def _count_notes(
    counts: Mapping[str, int], wnids: Sequence[str], published: SynsetList | None
) -> Iterator[str]:
    """Yield a note for each count that differs from the published one."""
    images = sum(counts.values())
    if published is not None and images != published.images:
        yield f"{quantity(images, 'images')}; the release {published.name} has {published.images:,}"
    empty = len(set(wnids) - counts.keys())
    if empty:
        yield f"{empty:,} of the {len(wnids):,} classes have no images"


def _stream_notes(published: SynsetList | None, *, skip: bool) -> Iterator[str]:
    """Yield the notes that are possible before the archive is read."""
    yield STREAM_NOTE + (", nor are images whose class is not in the list" if skip else "")
    if published is not None:
        yield f"the release {published.name} has {published.images:,} images"
    yield f"{_DAMAGED} {', '.join(damaged_images(published))}"
