"""The right answers, whatever file they came from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.accuracy import Rule
from wds_imagenet.evaluation.boxes import TrueBoxes, true_boxes
from wds_imagenet.evaluation.conventions import ClassTable, merge
from wds_imagenet.evaluation.predictions import NO_GUESS, TOP, Integers
from wds_imagenet.imagenet.devkit import CLASSES, VALIDATION_IMAGES, Devkit, read_devkit
from wds_imagenet.imagenet.stems import released_stem
from wds_imagenet.labels.annotation import Annotation, Labels, stem_of
from wds_imagenet.labels.blacklist import blacklist
from wds_imagenet.labels.boxes import boxes as read_boxes
from wds_imagenet.labels.kaggle import kaggle, read_synsets
from wds_imagenet.labels.real import real
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.sample import split_name
from wds_imagenet.sources import SOURCES, Metadata, Stream
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.messages import quantity

VALIDATION_KEYS: Final = tuple(f"ILSVRC2012_val_{n:08d}" for n in range(1, VALIDATION_IMAGES + 1))
HELPERS: Final = ("synsets", "boxes", "blacklist")
"""What no prediction is scored against, but a truth may need."""
TRUTHS: Final = ("devkit", "real", "kaggle", "dataset", *SOURCES)


@dataclass(frozen=True, slots=True)
class Truth:
    """What is right for each of N images."""

    name: str
    url: str
    keys: tuple[str, ...]
    """[N], in the order of the file names."""
    labels: Integers
    """[N, M]; -1 where an image has fewer labels. An image without any is not scored."""
    table: ClassTable
    rule: Rule = "each"
    depth: int = TOP
    """Top-1 to top-`depth` errors are defined."""
    key_of: Callable[[str], str] = str
    """What a prediction's key is called here."""
    boxes: TrueBoxes | None = None
    notes: tuple[str, ...] = ()


def read_truths(labels: Mapping[str, str], options: StorageOptions) -> tuple[list[Truth], ClassTable]:
    """Return every truth that files name, and what they all together know of the classes.

    Raises `UsageError` for names that are none, and `SourceError` as the files' readers do, or where two
    files contradict each other.
    """
    for name in labels:
        if name not in (*TRUTHS, *HELPERS):
            raise UsageError(
                f"{name!r} is no kind of labels: there are {', '.join(TRUTHS)}, and beside them "
                f"{', '.join(HELPERS)}"
            )
    if not any(name in TRUTHS for name in labels):
        raise UsageError(f"there are no labels to score against: give one of {', '.join(TRUTHS)}")
    if ("boxes" in labels or "blacklist" in labels) and "devkit" not in labels:
        raise UsageError("boxes and the blacklist belong to the devkit's labels: give devkit=… too")
    kit = read_devkit(labels["devkit"], storage_options=options) if "devkit" in labels else None
    table = merge(_tables(labels, kit, options))
    truths = [_truth(name, labels, table, kit, options) for name in labels if name in TRUTHS]
    table = merge([table, *(truth.table for truth in truths)])
    for truth in truths:
        if table.count is not None and truth.labels.size and truth.labels.max() >= table.count:
            raise SourceError(
                f"{truth.url} has the label {truth.labels.max()}, but {table.url} has {table.count:,} classes"
            )
    return truths, table


def _tables(labels: Mapping[str, str], kit: Devkit | None, options: StorageOptions) -> Iterator[ClassTable]:
    if kit is not None:
        wnids = tuple(info.wnid for info in kit.classes)
        yield ClassTable(labels["devkit"], CLASSES, wnids, tuple(info.ilsvrc2012_id for info in kit.classes))
    if "synsets" in labels:
        wnids = tuple(info["wnid"] for info in read_synsets(labels["synsets"], storage_options=options))
        yield ClassTable(labels["synsets"], CLASSES, wnids)


def _truth(
    name: str, labels: Mapping[str, str], table: ClassTable, kit: Devkit | None, options: StorageOptions
) -> Truth:
    url = labels[name]
    if kit is not None and name == "devkit":
        return _devkit(kit, labels, table, options)
    if name == "real":
        return _real(url, options)
    if name == "kaggle":
        return _kaggle(url, table, options)
    return _packed(url, options) if name == "dataset" else _listed(name, url, options)


def _devkit(kit: Devkit, labels: Mapping[str, str], table: ClassTable, options: StorageOptions) -> Truth:
    url = labels["devkit"]
    truth = np.array(kit.validation, np.int64)[:, None]
    if "boxes" not in labels:
        return Truth("devkit", url, VALIDATION_KEYS, truth, table, key_of=_ilsvrc_key)
    skipped = np.zeros(len(VALIDATION_KEYS), np.bool_)
    if "blacklist" in labels:
        listed = blacklist(labels["blacklist"], storage_options=options)
        skipped = np.array([said.metadata["blacklisted"] for said in _asked(listed) if said])
    found = read_boxes(labels["boxes"], storage_options=options)
    boxes = true_boxes(found.url, _asked(found), skipped, table)
    return Truth(
        "devkit", url, VALIDATION_KEYS, truth, table, key_of=_ilsvrc_key, boxes=boxes, notes=found.notes
    )


def _real(url: str, options: StorageOptions) -> Truth:
    lists = [said.metadata["real_labels"] for said in _asked(real(url, storage_options=options)) if said]
    return Truth(
        "real",
        url,
        VALIDATION_KEYS,
        _padded(lists),
        ClassTable(url, CLASSES),
        rule="any",
        depth=1,
        key_of=_ilsvrc_key,
    )


def _kaggle(url: str, table: ClassTable, options: StorageOptions) -> Truth:
    if table.wnids is None:
        raise UsageError(f"{url} has WNIDs: give synsets=LOC_synset_mapping.txt or the devkit too")
    solution = kaggle(url, synsets=None, storage_options=options)
    said = {key: found for key, found in zip(VALIDATION_KEYS, _asked(solution), strict=True) if found}
    if len(said) != solution.count:
        raise SourceError(
            f"{url} lists {quantity(solution.count - len(said), 'images')} from outside of ILSVRC2012's "
            "validation set: give LOC_val_solution.csv"
        )
    labels = {wnid: label for label, wnid in enumerate(table.wnids)}
    unknown = {found.metadata["wnid"] for found in said.values()} - set(labels)
    if unknown:
        raise SourceError(f"{url}: {min(unknown)} is none of the classes in {table.url}")
    truth = np.array([labels[found.metadata["wnid"]] for found in said.values()], np.int64)[:, None]
    boxes = true_boxes(url, list(said.values()), [False] * len(said), table)
    return Truth(
        "kaggle", url, tuple(said), truth, table, key_of=_ilsvrc_key, boxes=boxes, notes=solution.notes
    )


def _asked(labels: Labels) -> list[Annotation | None]:
    """Return what a label file says of each validation image."""
    return [labels.find(key) for key in VALIDATION_KEYS]


def _packed(url: str, options: StorageOptions) -> Truth:
    dataset = Dataset.open(url, storage_options=options)
    found = ((sample.key, sample.label) for sample in dataset.samples())
    return _by_key("dataset", dataset.url, found, dataset.manifest.classes)


def _listed(name: str, url: str, options: StorageOptions) -> Truth:
    """Return what a source says of a data set that is not packed, such as the class folders of V2."""
    listing = SOURCES[name](url, storage_options=options)
    if isinstance(listing, Stream):
        found = ((arrival.reference.key, arrival.reference.label) for arrival in listing.images())
    else:
        found = ((reference.key, reference.label) for reference in listing.references)
    truth = _by_key(name, url, found, listing.classes)
    return replace(truth, notes=listing.notes)


def _by_key(
    name: str, url: str, found: Iterable[tuple[str, int | None]], classes: Sequence[Metadata]
) -> Truth:
    labels: dict[str, int] = {}
    for key, label in found:
        if label is None or label < 0:
            raise SourceError(f"{url}: {key} has no label to score against")
        labels[key] = label
    if not labels:
        raise SourceError(f"{url} has no images")
    keys = tuple(sorted(labels))
    wnids = tuple(str(info.get("wnid", "")) for info in classes)
    table = ClassTable(url, len(classes) or None, wnids if wnids and all(wnids) else None)
    return Truth(name, url, keys, np.array([labels[key] for key in keys], np.int64)[:, None], table)


def _padded(lists: Sequence[Sequence[int]]) -> Integers:
    labels = np.full((len(lists), max(map(len, lists), default=0)), NO_GUESS, np.int64)
    for row, found in enumerate(lists):
        labels[row, : len(found)] = found
    return labels


def _ilsvrc_key(key: str) -> str:
    """Return the released stem: without folders, without suffix, without Hugging Face's WNID."""
    stem = stem_of(split_name(key)[0])
    try:
        return released_stem(stem)
    except SourceError:  # a number that was never given out, so it is unknown
        return stem
