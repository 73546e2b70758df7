"""`imagenet`: ILSVRC2012 as it was released, by its authors, by Kaggle or by Hugging Face.

Labels are joined by name: by the WNID in the name of a training image, by the number in that of a
validation image. The order of an archive's members says nothing.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.labels.devkit import CLASSES
from wds_imagenet.labels.files import Options, find_file
from wds_imagenet.sources.archives import File
from wds_imagenet.sources.arrivals import PASSED_OVER, first_image, identify, read_arrivals
from wds_imagenet.sources.files import list_files
from wds_imagenet.sources.ilsvrc import CLASS_TAR, PUBLISHED, Image, parse
from wds_imagenet.sources.images import check_unique, describe, is_hidden, is_image, passed_over
from wds_imagenet.sources.options import Classes
from wds_imagenet.sources.reference import Listing, Metadata, Reference, Stream
from wds_imagenet.sources.streams import is_gzipped
from wds_imagenet.sources.truth import Choice, Truth, read_truth

_NOTHING: Final[Metadata] = {}


def imagenet(
    url: str,
    *,
    split: Annotated[str | None, "train, validation (or val) or test; needed where there are several"] = None,
    devkit: Annotated[str | None, "devkit of ILSVRC2012 or a later year, or the folder it became"] = None,
    classes: Classes = None,
    solution: Annotated[str | None, "Kaggle's LOC_val_solution.csv, in place of the devkit"] = None,
    **storage_options: object,
) -> Listing | Stream:
    """List one split of ILSVRC2012: an archive as released, or a folder around what came out of it.

    The label is the place of the WNID among the thousand sorted ones, 0 to 999, whatever the numbers
    in the devkit are; test images have none. The thousand come from the devkit, from a class list
    with WNIDs, or from the images if all thousand are there, and are never guessed. Validation images
    need the devkit or Kaggle's solution, unless their folders or names tell the WNID. Kaggle's
    `LOC_synset_mapping.txt` and `LOC_val_solution.csv` are found where they lie in the folder, or
    beside `ILSVRC`. Whatever tells a label must agree.

    The train set's inner tars are listed in place. Keys are the released stems, and references come
    in their order. A count that differs from the published one is noted. Costs a listing, or the
    headers of the archive: 25 µs an image, and a random read each where the disk has not cached them.
    A gzipped archive gives a stream, in its own order, and an image that is none of ILSVRC2012's is an
    error there. Raises `SourceError` where a label is not certain.
    """
    split = "val" if split == "validation" else split
    if split is not None and split not in PUBLISHED:
        raise UsageError(f"option split={split!r}: ILSVRC2012 has the splits {', '.join(PUBLISHED)}")
    choice = Choice(devkit, classes, solution)
    if is_gzipped(url, storage_options):
        return _stream(url, split, choice, storage_options)
    images, notes = _find(url, split, storage_options)
    split = images[0].split
    images.sort(key=attrgetter("key"))
    check_unique([image.key for image in images], lambda i: images[i].where)
    folder = None if find_file(url, storage_options) else url
    wnids = {image.wnid for image in images if image.wnid}
    truth = read_truth(split, choice, folder, wnids, storage_options)
    notes += truth.notes
    if classes is None or len(truth.table) == CLASSES:
        notes += _count(split, images, truth)
    return Listing([_reference(image, truth) for image in images], truth.table, tuple(notes), _public(split))


def _stream(url: str, split: str | None, choice: Choice, options: Options) -> Stream:
    chosen = split or _parse(first_image(url, options)).split
    truth = read_truth(chosen, choice, None, None, options)

    def refer(file: File) -> Reference | None:
        image = _parse(file)
        if image.split == chosen:
            return _reference(image, truth)
        if split is None:
            raise SourceError(
                f"{url} has images of several splits, {image.name} after {chosen}: choose one, as option "
                "'split'"
            )
        return None

    return Stream(
        identity=identify(url, options, _told(truth), source="imagenet", split=chosen),
        arrivals=partial(read_arrivals, url, options, refer),
        labelled=chosen != "test",
        classes=truth.table,
        notes=(*truth.notes, f"{PASSED_OVER}; {chosen} was published with {PUBLISHED[chosen]:,} images"),
        split=_public(chosen),
        published=PUBLISHED[chosen],
    )


def _parse(file: File) -> Image:
    image = parse(file)
    if image is None:
        raise SourceError(f"{file.url}: {file.path!r} at offset {file.offset:,} is no image of ILSVRC2012")
    return image


def _told(truth: Truth) -> object:
    return (
        truth.table,
        truth.kit and truth.kit.validation,
        truth.solution and sorted(truth.solution.wnids.items()),
    )


def _reference(image: Image, truth: Truth) -> Reference:
    label = truth.label(image)
    return Reference(image.key, image.url, image.offset, image.size, image.name, label, None, _NOTHING)


def _public(split: str) -> str:
    return "validation" if split == "val" else split


def _find(url: str, split: str | None, options: Options) -> tuple[list[Image], list[str]]:
    """Return the images of one split, and notes on all else that is there."""
    images: list[Image] = []
    splits: Counter[str] = Counter()
    hidden: list[str] = []
    others: list[str] = []
    strange: list[str] = []
    for file in list_files(url, options, CLASS_TAR):
        if is_hidden(file.path) or not is_image(file.path):
            (hidden if is_hidden(file.path) else others).append(file.path)
        elif (image := parse(file)) is None:
            strange.append(file.path)
        else:
            splits[image.split] += 1
            if split in (None, image.split):
                images.append(image)
    there = ", ".join(f"{count:,} of {name}" for name, count in splits.items())
    if split is None and len(splits) > 1:
        raise SourceError(f"{url} has images of several splits ({there}): choose one, as option 'split'")
    if not images:
        of = f"'s {split}" if split else ""
        found = f"there are {there}" if there else describe([*strange, *others])
        raise SourceError(f"there are no images of ILSVRC2012{of} in {url}: {found}")
    notes = [
        *passed_over(hidden, "hidden files"),
        *passed_over(others, "files that are no images"),
        *passed_over(strange, "images whose names are none of ILSVRC2012's"),
    ]
    if len(splits) > 1:
        notes.append(f"images of several splits are there ({there}); taken is {split}")
    return images, notes


def _count(split: str, images: Sequence[Image], truth: Truth) -> list[str]:
    """Return the notes on what differs from the published counts, and on labels without image."""
    published = PUBLISHED[split]
    notes = []
    if len(images) != published:
        notes = [f"{len(images):,} images, where ILSVRC2012's {split} was published with {published:,}"]
    if split != "train":
        missing = set(range(1, published + 1)) - {image.number for image in images}
        if missing:
            notes.append(f"{len(missing):,} numbers are missing, the first is {min(missing):08d}")
    elif truth.kit is not None:
        counts = Counter(image.wnid for image in images)
        wrong = [info for info in truth.kit.classes if info.train_images not in (None, counts[info.wnid])]
        if wrong:
            first = ", ".join(f"{i.wnid} has {counts[i.wnid]:,} of {i.train_images:,}" for i in wrong[:3])
            notes.append(f"{len(wrong):,} classes differ from the devkit's count: {first}")
    if truth.solution is not None:
        idle = truth.solution.wnids.keys() - {image.key for image in images}
        if idle:
            notes.append(f"{len(idle):,} rows of {truth.solution.url} have no image, such as {min(idle)}")
    return notes
