"""`imagenet`: ILSVRC2012, as released by its authors, by Kaggle or by Hugging Face.

Labels are joined by name: by the WNID in the name of a training image, by the number in the name of a
validation image. The order of an archive's members is not used.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.format.ignored_files import is_ignored
from wds_imagenet.imagenet.devkit import CLASSES, WNID
from wds_imagenet.imagenet.filenames import CLASS_TAR, PUBLISHED, ImagenetImage, parse_file
from wds_imagenet.inputs.archives.compressed_images import (
    STREAM_NOTE,
    first_image,
    read_streamed_images,
    stream_identity,
)
from wds_imagenet.inputs.archives.compressed_tar import is_compressed
from wds_imagenet.inputs.archives.tar_listing import PACKED_FAULT, ListedFile, is_packed
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.image_files import IgnoredFiles, describe_ignored, is_image, suffix_of
from wds_imagenet.inputs.keys import check_sorted_keys, faulty
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.sources.imagenet.image_labels import ImageLabels, LabelFiles, read_image_labels
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_NO_METADATA: Final[Metadata] = {}
_COMPANIONS: Final = frozenset({"csv", "mat", "txt", "xml"})
"""Suffixes of the files that were released beside the images: boxes, lists and solutions."""


def imagenet(
    url: str,
    *more: str,
    split: Annotated[
        str | None, "train, validation (or val) or test; required if the input has more than one split"
    ] = None,
    devkit: Annotated[str | None, "devkit of ILSVRC2012 or a later year: the archive or its folder"] = None,
    classes: Classes = None,
    solution: Annotated[str | None, "Kaggle's LOC_val_solution.csv, in place of the devkit"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List one split of ILSVRC2012: archives as released, or a folder extracted from them.

    The label is the position of the WNID among the thousand sorted WNIDs, 0 to 999; the devkit's own
    numbers are ignored. Test images have no label. The class list comes from the devkit, from a class list
    with WNIDs, or from the images if they have all thousand classes. All records of a label must agree.

    Validation images need the devkit or Kaggle's solution, unless their folders or names have the WNID.
    Kaggle's `LOC_synset_mapping.txt` and `LOC_val_solution.csv` are read if they lie in the folder, or
    beside `ILSVRC`.

    Inner tars of the train set are listed in place. Keys are the stems as released; references are sorted by
    key, and kept on disk. Notes report counts that differ from the published ones. Costs a listing, or
    reading the headers of the archive: 50 µs an image, and a random read each if the disk has not cached
    them. Gzipped archives give a stream, in their own order.

    Args:
        url: an archive, or a folder.
        more: further archives or folders of the same split.
        split: `train`, `validation`, `val` or `test`.
        devkit: the devkit, as an archive or a folder.
        classes: class list with WNIDs, instead of the devkit.
        solution: Kaggle's CSV with the validation labels.
        storage_options: options of the stores.

    Raises:
        SourceError: a label is uncertain, or the input has several splits or no image.
        UsageError: the split does not exist, or both `devkit` and `classes` are given.
    """
    split = "val" if split == "validation" else split
    if split is not None and split not in PUBLISHED:
        raise UsageError(f"option split={split!r}: ILSVRC2012 has the splits {', '.join(PUBLISHED)}")
    files = LabelFiles(devkit, classes, solution)
    urls = (url, *more)
    gzipped = [is_compressed(one, storage_options) for one in urls]
    if all(gzipped):
        return _stream(urls, split, files, storage_options)
    if any(gzipped):
        other = urls[gzipped.index(gzipped[0] ^ True)]
        raise SourceError(f"of {url} and {other} one is compressed and one is not: pack the two apart")
    images = _find(urls, split, storage_options)
    folder = None if more or find_file(url, storage_options) else url
    labels = read_image_labels(images.split, files, folder, set(images.wnids), storage_options)
    references = SpilledReferences(_reference(image, labels) for image in images.all())
    if images.faulty:
        references = spill_in_order(chain(references, images.faulty), lambda reference: reference.key)
    notes = (*images.notes, *labels.notes)
    if classes is None or len(labels.table) == CLASSES:
        notes += (*_count_notes(images, labels),)
    return Listing(references, labels.table, notes, _public(images.split))


@dataclass(frozen=True, slots=True)
class _SplitImages:
    """The images of one split, and notes on all other files."""

    split: str
    found: Sequence[Reference]
    """The images by key; the metadata holds the number and the WNID in their names."""
    wnids: Mapping[str, int]
    """The number of images with a class in name or folder, by class."""
    numbers: frozenset[int]
    """The numbers of the validation or test images."""
    notes: Sequence[str]
    faulty: Sequence[Reference]
    """Files among the images that cannot be used."""

    def all(self) -> Iterator[ImagenetImage]:
        """Yield the images by key."""
        for r in self.found:
            number, wnid = r.metadata["number"], r.metadata["wnid"]
            yield ImagenetImage(self.split, r.key, number, wnid, r.name, r.url, r.offset, r.size or 0)


def _stream(urls: Sequence[str], split: str | None, files: LabelFiles, options: StorageOptions) -> Stream:
    chosen = split or _first_split(urls[0], options)
    labels = read_image_labels(chosen, files, None, None, options)

    def refer(file: ListedFile) -> Reference | None:
        image = _parse(file)
        if not isinstance(image, ImagenetImage):
            return image
        if image.split == chosen:
            return _reference(image, labels)
        if split is None:
            raise SourceError(
                f"{file.url} has images of several splits, {image.name} after {chosen}: choose one, as "
                "option 'split'"
            )
        return None

    one, *more = (
        stream_identity(u, options, _label_records(labels), source="imagenet", split=chosen) for u in urls
    )
    return Stream(
        identity={**one, "more": more} if more else one,
        images=lambda: chain.from_iterable(read_streamed_images(url, options, refer) for url in urls),
        labelled=chosen != "test",
        classes=labels.table,
        notes=(*labels.notes, f"{STREAM_NOTE}; {chosen} was published with {PUBLISHED[chosen]:,} images"),
        split=_public(chosen),
        published=PUBLISHED[chosen],
    )


def _first_split(url: str, options: StorageOptions) -> str:
    file = first_image(url, options)
    image = parse_file(file)
    if image is None:
        raise SourceError(
            f"{file.url}: {file.path!r} at offset {file.offset:,} is not an image of ILSVRC2012"
        )
    return image.split


def _parse(file: ListedFile) -> ImagenetImage | Reference | None:
    """Return the image in a file, the reference of a file that should be one, None for any other file."""
    if file.fault is not None:
        return faulty(file, file.fault)
    if suffix_of(file.path) in _COMPANIONS:
        return None
    image = parse_file(file)
    if image is None and is_packed(file.path) and WNID.match(file.path.rpartition("/")[2]):
        return faulty(file, PACKED_FAULT)
    if image is None and (is_image(file.path) or any(map(WNID.fullmatch, file.path.split("/")[:-1]))):
        return faulty(file, "its name is not that of an image of ILSVRC2012")
    return image


def _label_records(labels: ImageLabels) -> object:
    """Return all data that the labels depend on, as JSON values."""
    return (
        labels.table,
        labels.kit and labels.kit.validation,
        labels.solution and sorted(labels.solution.wnids.items()),
    )


def _reference(image: ImagenetImage, labels: ImageLabels) -> Reference:
    label = labels.label(image)
    return Reference(image.key, image.url, image.offset, image.size, image.name, label, None, _NO_METADATA)


def _public(split: str) -> str:
    return "validation" if split == "val" else split


def _find(urls: Sequence[str], split: str | None, options: StorageOptions) -> _SplitImages:
    splits: Counter[str] = Counter()
    wnids: Counter[str] = Counter()
    numbers: set[int] = set()
    hidden, others, unknown = IgnoredFiles(), IgnoredFiles(), IgnoredFiles()
    faults = SpilledReferences()

    def make_references() -> Iterator[Reference]:
        for file in chain.from_iterable(list_files(url, options, CLASS_TAR) for url in urls):
            if is_ignored(file.path):
                hidden.add(file.path)
            elif (image := _parse(file)) is None:
                others.add(file.path)
            elif isinstance(image, Reference):
                unknown.add(file.path)
                faults.append(image)
            else:
                splits[image.split] += 1
                if split in (None, image.split):
                    wnids.update([image.wnid] if image.wnid else ())
                    numbers.update([image.number] if image.number else ())
                    parsed = {"number": image.number, "wnid": image.wnid}
                    yield Reference(
                        image.key, image.url, image.offset, image.size, image.name, None, None, parsed
                    )

    images = spill_in_order(make_references(), lambda reference: reference.key)
    counts = ", ".join(f"{count:,} of {name}" for name, count in splits.items())
    where = " and ".join(urls)
    if split is None and len(splits) > 1:
        raise SourceError(f"{where} has images of several splits ({counts}): choose one, as option 'split'")
    if not images:
        of = f"'s {split}" if split else ""
        found = f"found {counts}" if counts else describe_ignored(unknown, others, hidden)
        raise SourceError(f"there are no images of ILSVRC2012{of} in {where}: {found}")
    check_sorted_keys(images)
    split = split or next(iter(splits))
    notes = [
        *hidden.notes("hidden and system files"),
        *others.notes("files beside the images"),
    ]
    if len(splits) > 1:
        notes.append(f"the input has images of several splits ({counts}); only {split} is taken")
    return _SplitImages(split, images, wnids, frozenset(numbers), notes, faults)


def _count_notes(images: _SplitImages, labels: ImageLabels) -> Iterator[str]:
    """Yield a note for each count that differs from the published one, and for labels without image."""
    split, published = images.split, PUBLISHED[images.split]
    if len(images.found) != published:
        found = quantity(len(images.found), "images")
        yield f"{found}; ILSVRC2012's {split} was published with {published:,}"
    if split != "train":
        missing = set(range(1, published + 1)) - images.numbers
        if missing:
            yield f"{quantity(len(missing), 'numbers are')} missing, the first is {min(missing):08d}"
    elif labels.kit is not None:
        counts = images.wnids
        wrong = [i for i in labels.kit.classes if i.train_images not in (None, counts.get(i.wnid, 0))]
        if wrong:
            first = ", ".join(
                f"{i.wnid} has {counts.get(i.wnid, 0):,} of {i.train_images:,}" for i in wrong[:3]
            )
            yield f"{quantity(len(wrong), 'classes differ')} from the devkit's count: {first}"
    if labels.solution is not None:
        unused = labels.solution.wnids.keys() - {reference.key for reference in images.found}
        if unused:
            rows = quantity(len(unused), "rows")
            yield f"{rows} of {labels.solution.url} without an image, such as {min(unused)}"
