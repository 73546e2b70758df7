"""`imagenet`: ILSVRC2012 as it was released, by its authors, by Kaggle or by Hugging Face.

Labels are joined by name: by the WNID in the name of a training image, by the number in that of a
validation image. The order of an archive's members says nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.devkit import CLASSES
from wds_imagenet.imagenet.filenames import CLASS_TAR, PUBLISHED, ImagenetImage, parse_file
from wds_imagenet.inputs.file_listing import list_files
from wds_imagenet.inputs.gzip_images import STREAM_NOTE, first_image, read_streamed_images, stream_identity
from wds_imagenet.inputs.gzip_tar import is_gzipped
from wds_imagenet.inputs.image_files import IgnoredFiles, describe_ignored, is_hidden, is_image
from wds_imagenet.inputs.keys import check_sorted_keys
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Metadata, Reference
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream
from wds_imagenet.inputs.tar_listing import ListedFile
from wds_imagenet.sources.imagenet.ground_truth import Choice, GroundTruth, read_ground_truth
from wds_imagenet.sources.source_options import Classes
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util.messages import quantity

_NOTHING: Final[Metadata] = {}


def imagenet(
    url: str,
    *more: str,
    split: Annotated[str | None, "train, validation (or val) or test; needed where there are several"] = None,
    devkit: Annotated[str | None, "devkit of ILSVRC2012 or a later year, or the folder it became"] = None,
    classes: Classes = None,
    solution: Annotated[str | None, "Kaggle's LOC_val_solution.csv, in place of the devkit"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Listing | Stream:
    """List one split of ILSVRC2012: archives as released, or a folder around what came out of them.

    The label is the place of the WNID among the thousand sorted ones, 0 to 999, whatever the numbers
    in the devkit are; test images have none. The thousand come from the devkit, from a class list
    with WNIDs, or from the images if all thousand are there, and are never guessed. Validation images
    need the devkit or Kaggle's solution, unless their folders or names tell the WNID. Kaggle's
    `LOC_synset_mapping.txt` and `LOC_val_solution.csv` are found where they lie in the folder, or
    beside `ILSVRC`. Whatever tells a label must agree.

    The train set's inner tars are listed in place. Keys are the released stems, and references come
    in their order, on disk. A count that differs from the published one is noted. Costs a listing, or the
    headers of the archive: 50 µs an image, and a random read each where the disk has not cached them.
    Gzipped archives give a stream, in their own order, and an image that is none of ILSVRC2012's is an
    error there. Raises `SourceError` where a label is not certain.
    """
    split = "val" if split == "validation" else split
    if split is not None and split not in PUBLISHED:
        raise UsageError(f"option split={split!r}: ILSVRC2012 has the splits {', '.join(PUBLISHED)}")
    choice = Choice(devkit, classes, solution)
    urls = (url, *more)
    gzipped = [is_gzipped(one, storage_options) for one in urls]
    if all(gzipped):
        return _stream(urls, split, choice, storage_options)
    if any(gzipped):
        odd = urls[gzipped.index(gzipped[0] ^ True)]
        raise SourceError(f"of {url} and {odd} one is gzipped and one is not: pack the two apart")
    images = _find(urls, split, storage_options)
    folder = None if more or find_file(url, storage_options) else url
    truth = read_ground_truth(images.split, choice, folder, set(images.wnids), storage_options)
    references = SpilledReferences(_reference(image, truth) for image in images.all())
    notes = (*images.notes, *truth.notes)
    if classes is None or len(truth.table) == CLASSES:
        notes += (*_count(images, truth),)
    return Listing(references, truth.table, notes, _public(images.split))


@dataclass(frozen=True, slots=True)
class _Images:
    """The images of one split, and notes on all else that is there."""

    split: str
    found: Sequence[Reference]
    """In the order of their keys, with what their names tell in the metadata."""
    wnids: Mapping[str, int]
    """How many images have a class in name or folder, by class."""
    numbers: frozenset[int]
    """Of validation and test images."""
    notes: Sequence[str]

    def all(self) -> Iterator[ImagenetImage]:
        """Yield them in order."""
        for r in self.found:
            told = r.metadata
            yield ImagenetImage(
                self.split, r.key, told["number"], told["wnid"], r.name, r.url, r.offset, r.size or 0
            )


def _stream(urls: Sequence[str], split: str | None, choice: Choice, options: StorageOptions) -> Stream:
    chosen = split or _parse(first_image(urls[0], options)).split
    truth = read_ground_truth(chosen, choice, None, None, options)

    def refer(file: ListedFile) -> Reference | None:
        image = _parse(file)
        if image.split == chosen:
            return _reference(image, truth)
        if split is None:
            raise SourceError(
                f"{file.url} has images of several splits, {image.name} after {chosen}: choose one, as "
                "option 'split'"
            )
        return None

    one, *more = (stream_identity(u, options, _told(truth), source="imagenet", split=chosen) for u in urls)
    return Stream(
        identity={**one, "more": more} if more else one,
        images=lambda: chain.from_iterable(read_streamed_images(url, options, refer) for url in urls),
        labelled=chosen != "test",
        classes=truth.table,
        notes=(*truth.notes, f"{STREAM_NOTE}; {chosen} was published with {PUBLISHED[chosen]:,} images"),
        split=_public(chosen),
        published=PUBLISHED[chosen],
    )


def _parse(file: ListedFile) -> ImagenetImage:
    image = parse_file(file)
    if image is None:
        raise SourceError(f"{file.url}: {file.path!r} at offset {file.offset:,} is no image of ILSVRC2012")
    return image


def _told(truth: GroundTruth) -> object:
    return (
        truth.table,
        truth.kit and truth.kit.validation,
        truth.solution and sorted(truth.solution.wnids.items()),
    )


def _reference(image: ImagenetImage, truth: GroundTruth) -> Reference:
    label = truth.label(image)
    return Reference(image.key, image.url, image.offset, image.size, image.name, label, None, _NOTHING)


def _public(split: str) -> str:
    return "validation" if split == "val" else split


def _find(urls: Sequence[str], split: str | None, options: StorageOptions) -> _Images:
    splits: Counter[str] = Counter()
    wnids: Counter[str] = Counter()
    numbers: set[int] = set()
    hidden, others, strange = IgnoredFiles(), IgnoredFiles(), IgnoredFiles()

    def found() -> Iterator[Reference]:
        for file in chain.from_iterable(list_files(url, options, CLASS_TAR) for url in urls):
            if is_hidden(file.path) or not is_image(file.path):
                (hidden if is_hidden(file.path) else others).add(file.path)
            elif (image := parse_file(file)) is None:
                strange.add(file.path)
            else:
                splits[image.split] += 1
                if split in (None, image.split):
                    wnids.update([image.wnid] if image.wnid else ())
                    numbers.update([image.number] if image.number else ())
                    told = {"number": image.number, "wnid": image.wnid}
                    yield Reference(
                        image.key, image.url, image.offset, image.size, image.name, None, None, told
                    )

    images = spill_in_order(found(), lambda reference: reference.key)
    there = ", ".join(f"{count:,} of {name}" for name, count in splits.items())
    where = " and ".join(urls)
    if split is None and len(splits) > 1:
        raise SourceError(f"images of several splits are in {where} ({there}): choose one, as option 'split'")
    if not images:
        of = f"'s {split}" if split else ""
        what = f"there are {there}" if there else describe_ignored(strange, others, hidden)
        raise SourceError(f"there are no images of ILSVRC2012{of} in {where}: {what}")
    check_sorted_keys(images)
    split = split or next(iter(splits))
    notes = [
        *hidden.notes("hidden files"),
        *others.notes("files that are no images"),
        *strange.notes("images whose names are none of ILSVRC2012's"),
    ]
    if len(splits) > 1:
        notes.append(f"images of several splits are there ({there}); taken is {split}")
    return _Images(split, images, wnids, frozenset(numbers), notes)


def _count(images: _Images, truth: GroundTruth) -> Iterator[str]:
    """Yield the notes on what differs from the published counts, and on labels without image."""
    split, published = images.split, PUBLISHED[images.split]
    if len(images.found) != published:
        found = quantity(len(images.found), "images")
        yield f"{found}, where ILSVRC2012's {split} was published with {published:,}"
    if split != "train":
        missing = set(range(1, published + 1)) - images.numbers
        if missing:
            yield f"{quantity(len(missing), 'numbers are')} missing, the first is {min(missing):08d}"
    elif truth.kit is not None:
        counts = images.wnids
        wrong = [i for i in truth.kit.classes if i.train_images not in (None, counts.get(i.wnid, 0))]
        if wrong:
            first = ", ".join(
                f"{i.wnid} has {counts.get(i.wnid, 0):,} of {i.train_images:,}" for i in wrong[:3]
            )
            yield f"{quantity(len(wrong), 'classes differ')} from the devkit's count: {first}"
    if truth.solution is not None:
        idle = truth.solution.wnids.keys() - {reference.key for reference in images.found}
        if idle:
            rows = quantity(len(idle), "rows")
            yield f"{rows} of {truth.solution.url} without an image, such as {min(idle)}"
