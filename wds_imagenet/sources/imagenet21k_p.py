"""`imagenet21k-p`: ImageNet-21K-P, the processed ImageNet-21K of Ridnik et al., resized to 224 pixels.

As released, `imagenet21k_resized.tar.gz`::

    imagenet21k_resized/imagenet21k_train/n01440764/n01440764_10026.JPEG
    imagenet21k_resized/imagenet21k_val/…
    imagenet21k_resized/imagenet21k_small_classes/…      ignored: not among its classes
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.imagenet.releases_21k_p import RELEASES, Release, check_wnids, class_table, read_wnids
from wds_imagenet.inputs.archives.compressed_images import STREAM_NOTE, read_streamed_images, stream_identity
from wds_imagenet.inputs.archives.compressed_tar import is_compressed
from wds_imagenet.inputs.archives.tar_listing import PACKED_FAULT, ListedFile, is_packed
from wds_imagenet.inputs.file_listing import folder_name, list_files
from wds_imagenet.inputs.image_files import IgnoredFiles, is_image, key_path
from wds_imagenet.inputs.keys import check_sorted_keys, faulty, key_of_file
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_SPLITS: Final = {"train": "train", "val": "val", "validation": "val"}
_PATH: Final = re.compile(
    r"(?:.*/)?(?:imagenet21k_)?(train|val|small_classes)/(n[0-9]{8})/([^/]+)", re.DOTALL
)
_NO_METADATA: Final[Metadata] = {}


def imagenet21k_p(
    url: str,
    *,
    split: Annotated[str | None, "train or validation (or val); required if the input has both"] = None,
    release: Annotated[str | None, "the release, winter21 or fall11; always required"] = None,
    classes: Classes = None,
    tree: Annotated[str | None, "semantic tree (imagenet21k_miil_tree.pth), for names and parents"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List one split of ImageNet-21K-P: `imagenet21k_resized.tar.gz`, or a folder extracted from it.

    The label is the position of the folder's WNID among the sorted WNIDs of the release: 10,450 of winter21,
    11,221 of fall11. The release is never guessed. The hash of its class list is checked, or that of the
    folders, if a listing has all of them.

    Keys are the stems; a file whose name has another WNID than its folder gets the folder in its key.
    References are sorted by key, and kept on disk. With the semantic tree, the JSON field `parents` holds
    the labels of all ancestors. Notes report counts that differ from the published ones. Costs a listing, or
    reading the headers of the archive. A gzipped archive gives a stream, in its own order.

    Args:
        url: the archive, or the folder.
        split: `train`, `validation` or `val`.
        release: `winter21` or `fall11`.
        classes: file with the WNIDs of the release, one a line; a gzipped archive needs it.
        tree: the file of the semantic tree.
        storage_options: options of the stores.

    Raises:
        SourceError: an image lies outside of the folders above, or its class is not in the release.
        UsageError: an option has no such value, or a gzipped archive lacks one that it needs.
    """
    version = RELEASES.get(release or "")
    if version is None:
        raise UsageError(f"give option 'release', one of {', '.join(RELEASES)}: their labels differ")
    if split is not None and split not in _SPLITS:
        raise UsageError(f"option split={split!r}: ImageNet-21K-P has the splits train and val")
    wnids = None if classes is None else read_wnids(classes, version, storage_options)
    if not is_compressed(url, storage_options):
        return _list(url, split and _SPLITS[split], version, wnids, tree, options=storage_options)
    if split is None or wnids is None:
        raise UsageError(
            f"{url} is compressed, so its splits and classes are known only at its end: give option 'split' "
            f"(train or val) and, as option 'classes', the class list of {release} ({version.file})"
        )
    chosen = _SPLITS[split]
    table = class_table(wnids, tree, storage_options)
    labels = {wnid: label for label, wnid in enumerate(wnids)}

    def refer(file: ListedFile) -> Reference | None:
        if (fault := _fault(file, file.path)) is not None:
            return faulty(file, fault)
        parsed = _parse(file, file.path)
        if parsed is None:
            return None
        folder, wnid, name = parsed
        return _reference(file, wnid, name, labels, version) if folder == chosen else None

    count = f"{chosen} was published with {version.published[chosen]:,} images"
    return Stream(
        identity=stream_identity(
            url, storage_options, table, source="imagenet21k-p", split=chosen, release=release
        ),
        images=partial(read_streamed_images, url, storage_options, refer),
        labelled=True,
        classes=table,
        notes=(f"{STREAM_NOTE}; {count}", version.note),
        split=_public(chosen),
        published=version.published[chosen],
    )


def _list(
    url: str,
    split: str | None,
    release: Release,
    wnids: Sequence[str] | None,
    tree: str | None,
    *,
    options: StorageOptions,
) -> Listing:
    folders: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    hidden, others = IgnoredFiles(), IgnoredFiles()
    labels = None if wnids is None else {wnid: label for label, wnid in enumerate(wnids)}
    # The input may itself be the folder of a split.
    above = "" if find_file(url, options) else f"{folder_name(url)}/"

    def make_references() -> Iterator[Reference]:
        for file in list_files(url, options):
            if is_ignored(file.path):
                hidden.add(file.path)
                continue
            if (fault := _fault(file, above + file.path)) is not None:
                yield faulty(file, fault)
                continue
            parsed = _parse(file, above + file.path)
            if parsed is None:
                others.add(file.path)
                continue
            folder, wnid, name = parsed
            folders[folder] += 1
            if folder == split or (split is None and folder != "small_classes"):
                counts[wnid] += 1
                yield _reference(file, wnid, name, labels, release)

    references = spill_in_order(make_references(), lambda reference: reference.key)
    chosen = _choose(url, split, folders)
    check_sorted_keys(references)
    if wnids is None:
        wnids = sorted(counts)
        check_wnids(wnids, release, f"{url}: its folders", "give its class list as option 'classes'")
        numbers = {wnid: label for label, wnid in enumerate(wnids)}
        references = SpilledReferences(
            r if r.fault else replace(r, label=numbers[r.key[:9]]) for r in references
        )
    notes = [
        *hidden.notes("hidden and system files"),
        *others.notes("files beside the class folders"),
        *_count_notes(chosen, folders, counts, release),
        release.note,
    ]
    return Listing(references, class_table(wnids, tree, options), tuple(notes), _public(chosen))


def _fault(file: ListedFile, path: str) -> str | None:
    """Return the reason why a file among the images cannot be used, None for any other file."""
    return file.fault or (
        PACKED_FAULT if not is_image(path) and is_packed(path) and _PATH.fullmatch(path) else None
    )


def _parse(file: ListedFile, path: str) -> tuple[str, str, str] | None:
    """Return the folder (train, val or small_classes), the WNID and the file name of an image.

    Returns None for a file beside the class folders.
    """
    match = _PATH.fullmatch(path)
    if match is None and not is_image(path):
        return None
    if match is None:
        raise SourceError(
            f"{file.url}: {file.path!r} at offset {file.offset:,} lies in no class folder of "
            "imagenet21k_train, imagenet21k_val or imagenet21k_small_classes"
        )
    return match[1], match[2], match[3]


def _reference(
    file: ListedFile, wnid: str, name: str, labels: Mapping[str, int] | None, release: Release
) -> Reference:
    if labels is not None and wnid not in labels:
        raise SourceError(
            f"{file.url}: {file.path!r} at offset {file.offset:,} has the class {wnid}, which is not among "
            f"the {release.classes:,} of {release.name}: give another option 'release'"
        )
    # In the whole ImageNet, some files lie in the folder of another class.
    key = key_of_file(file, key_path(name if name.startswith(f"{wnid}_") else f"{wnid}/{name}"))
    label = None if labels is None else labels[wnid]
    return Reference(key, file.url, file.offset, file.size, name, label, None, _NO_METADATA)


def _choose(url: str, split: str | None, folders: Mapping[str, int]) -> str:
    splits = [name for name in ("train", "val") if folders.get(name)]
    found = ", ".join(f"{quantity(folders[name], 'images')} of {name}" for name in (*splits, "small_classes"))
    if split is None and len(splits) > 1:
        raise SourceError(f"{url} has images of several splits ({found}): choose one, as option 'split'")
    if not splits or (split is not None and split not in splits):
        of = f"'s {split}" if split else ""
        raise SourceError(f"there are no images of ImageNet-21K-P{of} in {url}: {found}")
    return split or splits[0]


def _count_notes(
    split: str, folders: Mapping[str, int], counts: Mapping[str, int], release: Release
) -> Iterator[str]:
    """Yield a note for each count that differs from the published one, and for each folder left out."""
    if folders[split] != release.published[split]:
        yield (
            f"{quantity(folders[split], 'images')}; {release.name}'s {split} was published with "
            f"{release.published[split]:,}"
        )
    if len(counts) != release.classes:
        yield f"{len(counts):,} of {release.classes:,} classes have images"
    for name in ("train", "val", "small_classes"):
        if name != split and folders[name]:
            yield f"ignored {quantity(folders[name], 'images')} of {name}"


def _public(split: str) -> str:
    return "validation" if split == "val" else split
