"""`imagenet21k-p`: ImageNet-21K-P, the processed ImageNet-21K of Ridnik et al., resized to 224 pixels.

As released, `imagenet21k_resized.tar.gz`::

    imagenet21k_resized/imagenet21k_train/n01440764/n01440764_10026.JPEG
    imagenet21k_resized/imagenet21k_val/…
    imagenet21k_resized/imagenet21k_small_classes/…      never packed: they are none of its classes
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.releases_21k_p import RELEASES, Release, check_wnids, class_table, read_wnids
from wds_imagenet.inputs.file_listing import folder_name, list_files
from wds_imagenet.inputs.gzip_images import STREAM_NOTE, read_streamed_images, stream_identity
from wds_imagenet.inputs.gzip_tar import is_gzipped
from wds_imagenet.inputs.image_files import is_hidden, is_image
from wds_imagenet.inputs.keys import check_sorted_keys, key_of_file
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_SPLITS: Final = {"train": "train", "val": "val", "validation": "val"}
_PATH: Final = re.compile(
    r"(?:.*/)?(?:imagenet21k_)?(train|val|small_classes)/(n[0-9]{8})/([^/]+)", re.DOTALL
)
_NOTHING: Final[Metadata] = {}


def imagenet21k_p(
    url: str,
    *,
    split: Annotated[str | None, "train or validation (or val); needed where there are both"] = None,
    release: Annotated[str | None, "the release, winter21 or fall11; always needed"] = None,
    classes: Classes = None,
    tree: Annotated[
        str | None, "the semantic tree (imagenet21k_miil_tree.pth), for names and parents"
    ] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List one split of ImageNet-21K-P: `imagenet21k_resized.tar.gz`, or what came out of it.

    The label is the place of the folder's WNID among the release's sorted ones: 10,450 of winter21,
    11,221 of fall11. The release is named and never guessed; its class list, or the folders where a
    listing has all of them, must have its hash. The folder of small classes is passed by. With the
    semantic tree, JSONs have the labels of what their class is a kind of, as `parents`.

    Keys are the stems, and references come in their order, on disk; a name that does not begin with its
    folder's WNID has the folder in its key. Counts that differ from the published ones are noted. Costs
    a listing, or the headers of the archive. A gzipped archive gives a stream, in its own order. Raises
    `SourceError` for an image outside of these folders, or of a class that is none of the release's.
    """
    known = RELEASES.get(release or "")
    if known is None:
        raise UsageError(f"give option 'release', one of {', '.join(RELEASES)}: their labels differ")
    if split is not None and split not in _SPLITS:
        raise UsageError(f"option split={split!r}: ImageNet-21K-P has the splits train and val")
    wnids = None if classes is None else read_wnids(classes, known, storage_options)
    if not is_gzipped(url, storage_options):
        return _list(url, split and _SPLITS[split], known, wnids, tree, storage_options)
    if split is None or wnids is None:
        raise UsageError(
            f"{url} is gzipped, so what is in it is known only at its end: give option 'split' (train or "
            f"val) and, as option 'classes', the class list of {release} ({known.file})"
        )
    chosen = _SPLITS[split]
    table = class_table(wnids, tree, storage_options)
    labels = {wnid: label for label, wnid in enumerate(wnids)}

    def refer(file: ListedFile) -> Reference | None:
        place, wnid, name = _parse(file, file.path)
        return _refer(file, wnid, name, labels, known) if place == chosen else None

    count = f"{chosen} was published with {known.published[chosen]:,} images"
    return Stream(
        identity=stream_identity(
            url, storage_options, table, source="imagenet21k-p", split=chosen, release=release
        ),
        images=partial(read_streamed_images, url, storage_options, refer),
        labelled=True,
        classes=table,
        notes=(f"{STREAM_NOTE}; {count}", known.note),
        split=_public(chosen),
        published=known.published[chosen],
    )


def _list(  # noqa: PLR0917 - what the source was given
    url: str,
    split: str | None,
    release: Release,
    wnids: Sequence[str] | None,
    tree: str | None,
    options: StorageOptions,
) -> Listing:
    places: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    labels = None if wnids is None else {wnid: label for label, wnid in enumerate(wnids)}
    # The folder may itself be that of a split.
    above = "" if find_file(url, options) else f"{folder_name(url)}/"

    def found() -> Iterator[Reference]:
        for file in list_files(url, options):
            if is_hidden(file.path) or not is_image(file.path):
                places["hidden" if is_hidden(file.path) else "no image"] += 1
                continue
            place, wnid, name = _parse(file, above + file.path)
            places[place] += 1
            if place == split or (split is None and place != "small_classes"):
                counts[wnid] += 1
                yield _refer(file, wnid, name, labels, release)

    references = spill_in_order(found(), lambda reference: reference.key)
    chosen = _choose(url, split, places)
    check_sorted_keys(references)
    if wnids is None:
        wnids = sorted(counts)
        check_wnids(wnids, release, f"{url}: its folders", "give its class list as option 'classes'")
        numbers = {wnid: label for label, wnid in enumerate(wnids)}
        references = SpilledReferences(replace(r, label=numbers[r.key[:9]]) for r in references)
    notes = [
        *(f"passed over {places[what]:,} {what} files" for what in ("hidden", "no image") if places[what]),
        *_count(chosen, places, counts, release),
        release.note,
    ]
    return Listing(references, class_table(wnids, tree, options), tuple(notes), _public(chosen))


def _parse(file: ListedFile, path: str) -> tuple[str, str, str]:
    """Return the place (train, val or small_classes), the WNID and the name of an image."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise SourceError(
            f"{file.url}: {file.path!r} at offset {file.offset:,} lies in no class folder of "
            "imagenet21k_train, imagenet21k_val or imagenet21k_small_classes"
        )
    return match[1], match[2], match[3]


def _refer(
    file: ListedFile, wnid: str, name: str, labels: Mapping[str, int] | None, release: Release
) -> Reference:
    if labels is not None and wnid not in labels:
        raise SourceError(
            f"{file.url}: {file.path!r} at offset {file.offset:,} is of the class {wnid}, which is none of "
            f"the {release.classes:,} of {release.name}"
        )
    # In the full ImageNet a file may lie in another class's folder than its name says.
    key = key_of_file(file, name if name.startswith(f"{wnid}_") else f"{wnid}/{name}")
    label = None if labels is None else labels[wnid]
    return Reference(key, file.url, file.offset, file.size, name, label, None, _NOTHING)


def _choose(url: str, split: str | None, places: Mapping[str, int]) -> str:
    there = [place for place in ("train", "val") if places.get(place)]
    told = [f"{quantity(places[name], 'images')} of {name}" for name in (*there, "small_classes")]
    found = ", ".join(told) or "none"
    if split is None and len(there) > 1:
        raise SourceError(f"{url} has images of several splits ({found}): choose one, as option 'split'")
    if not there or (split is not None and split not in there):
        of = f"'s {split}" if split else ""
        raise SourceError(f"there are no images of ImageNet-21K-P{of} in {url}: {found}")
    return split or there[0]


def _count(
    split: str, places: Mapping[str, int], counts: Mapping[str, int], release: Release
) -> Iterator[str]:
    """Yield what differs from the published counts, and what was passed over."""
    if places[split] != release.published[split]:
        yield (
            f"{quantity(places[split], 'images')}, where {release.name}'s {split} was published with "
            f"{release.published[split]:,}"
        )
    if len(counts) != release.classes:
        yield f"{len(counts):,} of {release.classes:,} classes have images"
    for place in ("train", "val", "small_classes"):
        if place != split and places[place]:
            yield f"passed over {quantity(places[place], 'images')} of {place}"


def _public(split: str) -> str:
    return "validation" if split == "val" else split
