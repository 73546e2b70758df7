"""What the labels of ILSVRC2012's images are: all that tells them, which must agree."""

from collections.abc import Iterable
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
class Choice:
    """The files that a person names."""

    devkit: str | None
    classes: str | None
    solution: str | None

    def __post_init__(self) -> None:
        """Raise `UsageError` for files that are not to be used together."""
        if self.devkit is not None and self.classes is not None:
            raise UsageError(
                "give either option 'devkit' or option 'classes': each says which labels there are"
            )


@dataclass(frozen=True)
class GroundTruth:
    """The classes by label, and what tells the class of an image beside its name and folder."""

    table: tuple[Metadata, ...]
    kit: Devkit | None = None
    solution: Solution | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def labels(self) -> dict[str, int]:
        """The labels by WNID."""
        return {info["wnid"]: label for label, info in enumerate(self.table)}

    def label(self, image: ImagenetImage) -> int | None:
        """Return an image's label, None for one of the test set.

        Raises `SourceError` that names the image, if nothing tells it or two that do disagree.
        """
        if image.split == "test":
            return None
        told = dict(self._told(image))
        if not told:
            besides = f", and {self.solution.url} has no row for it" if self.solution else ""
            raise SourceError(
                f"{image.where} has no class in its name or folder{besides}: give {DEVKIT} or Kaggle's "
                f"{SOLUTION} as option 'solution'"
            )
        (who, wnid), *others = told.items()
        for other, another in others:
            if another != wnid:
                raise SourceError(
                    f"{image.where}: {who} says {wnid}, label {self.labels.get(wnid)}, but {other} says "
                    f"{another}, label {self.labels.get(another)}"
                )
        label = self.labels.get(wnid)
        if label is None:
            raise SourceError(f"{image.where}: its class {wnid} is not one of those to be labelled")
        return label

    def _told(self, image: ImagenetImage) -> Iterable[tuple[str, str]]:
        if image.wnid:
            yield "its name or folder", image.wnid
        if self.kit and image.split == "val":
            yield "the devkit", self.kit.classes[self.kit.validation[image.number - 1]].wnid
        if self.solution and image.key in self.solution.wnids:
            yield self.solution.url, self.solution.wnids[image.key]


def read_ground_truth(
    split: str, choice: Choice, folder: str | None, wnids: set[str] | None, options: StorageOptions
) -> GroundTruth:
    """Return what the named files say, and those of Kaggle that lie beside the images.

    `folder` is where to look for these, None for nowhere. `wnids` are the classes seen, which are the
    table if they are all thousand and nothing else is; None if they cannot be known before the end.
    Raises `SourceError` where the classes stay uncertain.
    """
    if split == "test":
        return GroundTruth(())
    kit = None if choice.devkit is None else read_devkit(choice.devkit, storage_options=options)
    listed = None if choice.classes is None else read_classes(choice.classes, storage_options=options)
    notes: list[str] = []
    if listed is None and folder and (beside := find_kaggle_file(folder, MAPPING, options)):
        listed = read_classes(beside, storage_options=options)
        _check_mapping(listed, kit)
        notes.append(f"the classes are also, or only, told by {beside}")
    solution = choice.solution
    if solution is None and split == "val" and folder:
        solution = find_kaggle_file(folder, SOLUTION, options)
        notes += [f"the labels are also, or only, told by {solution}"] * (solution is not None)
    table = _table(kit, listed, wnids)
    if [info["wnid"] for info in table] != sorted(info["wnid"] for info in table):
        notes.append("the labels follow the class list, which is not in the order of ILSVRC's")
    read = None if solution is None else read_solution(solution, options)
    return GroundTruth(table, kit, read, tuple(notes))


def _check_mapping(listed: ClassList, kit: Devkit | None) -> None:
    wnids = [info.get("wnid") for info in listed.classes]
    if len(wnids) != CLASSES or None in wnids or wnids != sorted(wnids, key=str):
        raise SourceError(f"{listed.url} is not Kaggle's: that lists 1,000 WNIDs in sorted order")
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
            "which classes a gzipped archive has is known only at its end, so nothing tells their labels: "
            f"give {DEVKIT} or a class list with WNIDs, such as Kaggle's {MAPPING}, as option 'classes'"
        )
    if not wnids:
        raise SourceError(
            f"nothing tells the classes of these images: give {DEVKIT} which has the labels by number"
        )
    if len(wnids) != CLASSES:
        raise SourceError(
            f"{len(wnids):,} of the 1,000 classes are there, which does not tell their labels: give "
            f"{DEVKIT} or a class list with WNIDs, as option 'classes'"
        )
    return tuple({"name": wnid, "wnid": wnid} for wnid in sorted(wnids))
