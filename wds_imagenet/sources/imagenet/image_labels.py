"""Labels of ILSVRC2012's images, from every file and name that records them; all must agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import ClassList, read_classes
from wds_imagenet.imagenet.devkit import CLASSES, Devkit, read_devkit
from wds_imagenet.imagenet.filenames import ImagenetImage
from wds_imagenet.imagenet.kaggle_csv import MAPPING, SOLUTION, Solution, find_kaggle_file, read_solution
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.storage.store import StorageOptions

DEVKIT: Final = "the devkit (ILSVRC2012_devkit_t12.tar.gz), as option 'devkit',"


@dataclass(frozen=True, slots=True)
class LabelFiles:
    """The URLs of the label files that the user gives; None where the user gives none."""

    devkit: str | None
    classes: str | None
    solution: str | None

    def __post_init__(self) -> None:
        """Raise `UsageError` for files that contradict each other."""
        if self.devkit is not None and self.classes is not None:
            raise UsageError(
                "give either option 'devkit' or option 'classes': each of them fixes the class list"
            )


@dataclass(frozen=True)
class ImageLabels:
    """The class table, and the files that record the class of an image beside its name and folder."""

    table: tuple[Metadata, ...]
    """The classes, by label."""
    kit: Devkit | None = None
    solution: Solution | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def labels(self) -> dict[str, int]:
        """The labels by WNID."""
        return {info["wnid"]: label for label, info in enumerate(self.table)}

    def label(self, image: ImagenetImage) -> int | None:
        """Return the label of an image, None for an image of the test set.

        Raises:
            SourceError: no file and no name records the class, two disagree, or the table lacks it.
        """
        if image.split == "test":
            return None
        records = dict(self._wnids(image))
        if not records:
            also = f", and {self.solution.url} has no row for it" if self.solution else ""
            raise SourceError(
                f"{image.where} has no class in its name or folder{also}: give {DEVKIT} or Kaggle's "
                f"{SOLUTION} as option 'solution'"
            )
        (first, wnid), *others = records.items()
        for other, another in others:
            if another != wnid:
                raise SourceError(
                    f"{image.where}: {first} has {wnid}, label {self.labels.get(wnid)}, but {other} has "
                    f"{another}, label {self.labels.get(another)}"
                )
        label = self.labels.get(wnid)
        if label is None:
            raise SourceError(f"{image.where}: the class {wnid} is not in the class list")
        return label

    def _wnids(self, image: ImagenetImage) -> Iterator[tuple[str, str]]:
        """Yield the WNID of an image from each record of it, with a name for that record."""
        if image.wnid:
            yield "the name or folder", image.wnid
        if self.kit and image.split == "val":
            yield "the devkit", self.kit.classes[self.kit.validation[image.number - 1]].wnid
        if self.solution and image.key in self.solution.wnids:
            yield self.solution.url, self.solution.wnids[image.key]


def read_image_labels(
    split: str, files: LabelFiles, folder: str | None, wnids: set[str] | None, options: StorageOptions
) -> ImageLabels:
    """Read the label files that the user gives, and Kaggle's files beside the images.

    Args:
        split: `train`, `val` or `test`; `test` needs no file.
        files: the label files.
        folder: folder to search for Kaggle's files; None searches nowhere.
        wnids: the WNIDs of all images, which are the class list if they are exactly a thousand and no file
            has one. None if the images are not listed yet.
        options: options of the stores.

    Raises:
        SourceError: the class list stays uncertain, or two files have different ones.
    """
    if split == "test":
        return ImageLabels(())
    kit = None if files.devkit is None else read_devkit(files.devkit, storage_options=options)
    listed = None if files.classes is None else read_classes(files.classes, storage_options=options)
    notes: list[str] = []
    if listed is None and folder and (mapping := find_kaggle_file(folder, MAPPING, options)):
        listed = read_classes(mapping, storage_options=options)
        _check_mapping(listed, kit)
        notes.append(f"the classes were read from {mapping}")
    solution = files.solution
    if solution is None and split == "val" and folder:
        solution = find_kaggle_file(folder, SOLUTION, options)
        notes += [f"the labels were read from {solution}"] * (solution is not None)
    table = _table(kit, listed, wnids)
    if [info["wnid"] for info in table] != sorted(info["wnid"] for info in table):
        notes.append("the labels follow the class list, whose order is not that of ILSVRC's labels")
    return ImageLabels(
        table, kit, None if solution is None else read_solution(solution, options), tuple(notes)
    )


def _check_mapping(listed: ClassList, kit: Devkit | None) -> None:
    wnids = [info.get("wnid") for info in listed.classes]
    if len(wnids) != CLASSES or None in wnids or wnids != sorted(wnids, key=str):
        raise SourceError(f"{listed.url} is not Kaggle's: Kaggle's file lists 1,000 WNIDs in sorted order")
    if kit is not None and wnids != [info.wnid for info in kit.classes]:
        raise SourceError(f"{listed.url} and the devkit list different classes")


def _table(kit: Devkit | None, listed: ClassList | None, wnids: set[str] | None) -> tuple[Metadata, ...]:
    if kit is not None:
        return tuple(
            {"name": info.words, "wnid": info.wnid, "ilsvrc2012_id": info.ilsvrc2012_id}
            for info in kit.classes
        )
    if listed is not None:
        if "wnid" not in listed.classes[0]:
            raise SourceError(f"the class list {listed.url} has no WNIDs, and names are not unique")
        return listed.classes
    if wnids is None:
        raise SourceError(
            "the classes in a compressed archive are known only at its end, so its labels need a class list: "
            f"give {DEVKIT} or a class list with WNIDs, such as Kaggle's {MAPPING}, as option 'classes'"
        )
    if not wnids:
        raise SourceError(
            f"no name and no folder records the classes of these images: give {DEVKIT} which has their labels"
        )
    if len(wnids) != CLASSES:
        raise SourceError(
            f"the images have {len(wnids):,} of the 1,000 classes, too few to number them: give {DEVKIT} or "
            "a class list with WNIDs, as option 'classes'"
        )
    return tuple({"name": wnid, "wnid": wnid} for wnid in sorted(wnids))
