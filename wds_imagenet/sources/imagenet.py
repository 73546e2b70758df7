"""`imagenet`: ILSVRC2012 as it was released, in its archives or extracted.

Labels are joined by name: by the WNID in the name of a training image, by the number in that of a
validation image. The order of an archive's members says nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.labels.classes import ClassList, read_classes
from wds_imagenet.labels.devkit import CLASSES, Devkit, read_devkit
from wds_imagenet.labels.files import Options
from wds_imagenet.sources.files import list_files
from wds_imagenet.sources.ilsvrc import CLASS_TAR, PUBLISHED, Image, parse
from wds_imagenet.sources.images import check_unique, describe, is_hidden, is_image, passed_over
from wds_imagenet.sources.options import Classes
from wds_imagenet.sources.reference import Listing, Metadata, Reference

_NOTHING: Final[Metadata] = {}
_DEVKIT: Final = "the devkit (ILSVRC2012_devkit_t12.tar.gz), given as devkit,"


def imagenet(
    url: str,
    *,
    split: Annotated[str | None, "train, validation (or val) or test; needed where there are several"] = None,
    devkit: Annotated[str | None, "ILSVRC2012_devkit_t12.tar.gz, or the folder it became"] = None,
    classes: Classes = None,
    **storage_options: object,
) -> Listing:
    """List one split of ILSVRC2012: a `.tar` as released, or a folder around what came out of it.

    The label is the place of the WNID among the thousand sorted ones, 0 to 999, whatever the numbers
    in the devkit are; test images have none. The thousand come from the devkit, from a class list
    with WNIDs, or from the images if all thousand are there, and are never guessed. Validation images
    need the devkit, unless their folders or names tell the WNID; where both do, they must agree.

    The train set's inner tars are listed in place. Keys are the released stems, and references come
    in their order. A count that differs from the published one is noted. Costs a listing, or the
    headers of the archive: 25 µs an image, and a random read each where the disk has not cached them.
    Raises `SourceError` where a label is not certain.
    """
    split = "val" if split == "validation" else split
    if split is not None and split not in PUBLISHED:
        raise UsageError(f"ILSVRC2012 has the splits {', '.join(PUBLISHED)}, not {split!r}")
    if devkit is not None and classes is not None:
        raise UsageError("give either the devkit or a class list: each says which labels there are")
    kit = None if devkit is None else read_devkit(devkit, **storage_options)
    listed = None if classes is None else read_classes(classes, **storage_options)
    images, notes = _find(url, split, storage_options)
    split = images[0].split
    images.sort(key=attrgetter("key"))
    check_unique([image.key for image in images], lambda i: _where(images[i]))
    table: tuple[Metadata, ...] = ()
    if split != "test":
        table = _class_table(kit, listed, {image.wnid for image in images if image.wnid})
    labels = {info["wnid"]: label for label, info in enumerate(table)}
    if list(labels) != sorted(labels):
        notes.append("the labels follow the class list, which is not in the order of ILSVRC's")
    if listed is None or len(listed) == CLASSES:
        notes += _count(split, images, kit)
    references = [
        Reference(i.key, i.url, i.offset, i.size, i.name, _label(i, labels, kit), None, _NOTHING)
        for i in images
    ]
    return Listing(references, table, tuple(notes), "validation" if split == "val" else split)


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
        raise SourceError(f"{url} has images of several splits ({there}): choose one as split")
    if not images:
        found = f"there are {there}" if there else describe([*strange, *others])
        raise SourceError(f"there are no images of ILSVRC2012{_of(split)} in {url}: {found}")
    notes = [
        *passed_over(hidden, "hidden files"),
        *passed_over(others, "files that are no images"),
        *passed_over(strange, "images whose names are none of ILSVRC2012's"),
    ]
    if len(splits) > 1:
        notes.append(f"images of several splits are there ({there}); taken is {split}")
    return images, notes


def _of(split: str | None) -> str:
    return f"'s {split}" if split else ""


def _class_table(kit: Devkit | None, listed: ClassList | None, wnids: set[str]) -> tuple[Metadata, ...]:
    if kit is not None:
        return tuple(
            {"name": info.words, "wnid": info.wnid, "ilsvrc2012_id": info.ilsvrc2012_id}
            for info in kit.classes
        )
    if listed is not None:
        if "wnid" not in listed.classes[0]:
            raise SourceError(f"the class list {listed.url} has no WNIDs, and names are not unique")
        return listed.classes
    if not wnids:
        raise SourceError(
            f"nothing tells the classes of these images: give {_DEVKIT} which has the labels by number"
        )
    if len(wnids) != CLASSES:
        raise SourceError(
            f"{len(wnids):,} of the 1,000 classes are there, which does not tell their labels: give "
            f"{_DEVKIT} or a class list with WNIDs as classes"
        )
    return tuple({"name": wnid, "wnid": wnid} for wnid in sorted(wnids))


def _label(image: Image, labels: Mapping[str, int], kit: Devkit | None) -> int | None:
    if image.split == "test":
        return None
    by_wnid = labels.get(image.wnid) if image.wnid else None
    if image.wnid and by_wnid is None:
        raise SourceError(f"{_where(image)}: its class {image.wnid} is not one of those to be labelled")
    by_number = kit.validation[image.number - 1] if kit and image.split == "val" else None
    if by_wnid is None and by_number is None:
        raise SourceError(f"{_where(image)} has no class in its name or folder: give {_DEVKIT} too")
    if by_wnid is not None and by_number not in (None, by_wnid):
        raise SourceError(
            f"{_where(image)}: its name or folder says {image.wnid}, label {by_wnid}, but the devkit "
            f"says label {by_number}"
        )
    return by_number if by_wnid is None else by_wnid


def _count(split: str, images: Sequence[Image], kit: Devkit | None) -> list[str]:
    """Return the notes on what differs from the published counts."""
    published = PUBLISHED[split]
    notes = []
    if len(images) != published:
        notes = [f"{len(images):,} images, where ILSVRC2012's {split} was published with {published:,}"]
    if split != "train":
        missing = set(range(1, published + 1)) - {image.number for image in images}
        if missing:
            notes.append(f"{len(missing):,} numbers are missing, the first is {min(missing):08d}")
    elif kit is not None:
        counts = Counter(image.wnid for image in images)
        wrong = [info for info in kit.classes if info.train_images not in (None, counts[info.wnid])]
        if wrong:
            first = ", ".join(f"{i.wnid} has {counts[i.wnid]:,} of {i.train_images:,}" for i in wrong[:3])
            notes.append(f"{len(wrong):,} classes differ from the devkit's count: {first}")
    return notes


def _where(image: Image) -> str:
    return f"{image.url}: {image.name} at offset {image.offset:,}"
