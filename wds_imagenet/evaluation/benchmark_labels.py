"""The labels of each benchmark, and the rule that scores them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation.accuracy import Rule
from wds_imagenet.evaluation.conventions import ClassIds, merge_class_ids
from wds_imagenet.evaluation.predictions import NO_GUESS, TOP, Integers
from wds_imagenet.evaluation.true_boxes import TrueBoxes, true_boxes
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
COMPLETING_FILES: Final = ("synsets", "boxes", "blacklist")
"""Files that complete a benchmark, and that are no benchmark themselves."""
BENCHMARKS: Final = ("devkit", "real", "kaggle", "dataset", *SOURCES)


@dataclass(frozen=True, slots=True)
class BenchmarkLabels:
    """The labels of N images, and the rule that scores them."""

    name: str
    """One of `BENCHMARKS`."""
    url: str
    """The file, folder or data set of the labels."""
    keys: tuple[str, ...]
    """The N keys, in the order of the file names."""
    labels: Integers
    """int64 [N, M]; -1 after the last label. An image without labels is not scored."""
    classes: ClassIds
    """The identifiers of the classes by label."""
    rule: Rule = "each"
    """How an image with several labels counts."""
    depth: int = TOP
    """The largest k for which the benchmark defines a top-k error."""
    key_of: Callable[[str], str] = str
    """Returns the key here for the key of a prediction."""
    boxes: TrueBoxes | None = None
    notes: tuple[str, ...] = ()
    """Remarks for the user."""


def read_benchmark_labels(
    labels: Mapping[str, str], options: StorageOptions
) -> tuple[list[BenchmarkLabels], ClassIds]:
    """Return the labels of each benchmark, and the identifiers of the classes from all files together.

    Args:
        labels: Files by name: those of `BENCHMARKS` and `COMPLETING_FILES`.
        options: Options of the store.

    Raises:
        UsageError: A name is unknown, or a file needs another one.
        SourceError: A file cannot be read, or two files contradict each other.
    """
    for name in labels:
        if name not in (*BENCHMARKS, *COMPLETING_FILES):
            raise UsageError(
                f"there are no labels {name!r}: give one of {', '.join(BENCHMARKS)}, or to complete them "
                f"{', '.join(COMPLETING_FILES)}"
            )
    if not any(name in BENCHMARKS for name in labels):
        raise UsageError(f"there are no labels to score against: give one of {', '.join(BENCHMARKS)}")
    if ("boxes" in labels or "blacklist" in labels) and "devkit" not in labels:
        raise UsageError("boxes and the blacklist complete the labels of the devkit: give devkit=… too")
    kit = read_devkit(labels["devkit"], storage_options=options) if "devkit" in labels else None
    classes = merge_class_ids(_class_ids(labels, kit, options))
    benchmarks = [
        _benchmark_labels(name, labels, classes, kit, options) for name in labels if name in BENCHMARKS
    ]
    classes = merge_class_ids([classes, *(benchmark.classes for benchmark in benchmarks)])
    for benchmark in benchmarks:
        if classes.count is not None and benchmark.labels.size and benchmark.labels.max() >= classes.count:
            raise SourceError(
                f"{benchmark.url} has the label {benchmark.labels.max()}, but {classes.url} has "
                f"{classes.count:,} classes"
            )
    return benchmarks, classes


def _class_ids(labels: Mapping[str, str], kit: Devkit | None, options: StorageOptions) -> Iterator[ClassIds]:
    if kit is not None:
        wnids = tuple(info.wnid for info in kit.classes)
        yield ClassIds(labels["devkit"], CLASSES, wnids, tuple(info.ilsvrc2012_id for info in kit.classes))
    if "synsets" in labels:
        wnids = tuple(info["wnid"] for info in read_synsets(labels["synsets"], storage_options=options))
        yield ClassIds(labels["synsets"], CLASSES, wnids)


def _benchmark_labels(
    name: str, labels: Mapping[str, str], classes: ClassIds, kit: Devkit | None, options: StorageOptions
) -> BenchmarkLabels:
    url = labels[name]
    if kit is not None and name == "devkit":
        return _devkit(kit, labels, classes, options)
    if name == "real":
        return _real(url, options)
    if name == "kaggle":
        return _kaggle(url, classes, options)
    return _data_set(url, options) if name == "dataset" else _source(name, url, options)


def _devkit(
    kit: Devkit, labels: Mapping[str, str], classes: ClassIds, options: StorageOptions
) -> BenchmarkLabels:
    url = labels["devkit"]
    label_rows = np.array(kit.validation, np.int64)[:, None]
    if "boxes" not in labels:
        return BenchmarkLabels("devkit", url, VALIDATION_KEYS, label_rows, classes, key_of=_ilsvrc_key)
    blacklisted = np.zeros(len(VALIDATION_KEYS), np.bool_)
    if "blacklist" in labels:
        annotations = _annotations(blacklist(labels["blacklist"], storage_options=options))
        blacklisted = np.array([found.metadata["blacklisted"] for found in annotations if found])
    box_labels = read_boxes(labels["boxes"], storage_options=options)
    boxes = true_boxes(box_labels.url, _annotations(box_labels), blacklisted, classes)
    return BenchmarkLabels(
        "devkit",
        url,
        VALIDATION_KEYS,
        label_rows,
        classes,
        key_of=_ilsvrc_key,
        boxes=boxes,
        notes=box_labels.notes,
    )


def _real(url: str, options: StorageOptions) -> BenchmarkLabels:
    annotations = _annotations(real(url, storage_options=options))
    lists = [found.metadata["real_labels"] for found in annotations if found]
    return BenchmarkLabels(
        "real",
        url,
        VALIDATION_KEYS,
        _padded(lists),
        ClassIds(url, CLASSES),
        rule="any",
        depth=1,
        key_of=_ilsvrc_key,
    )


def _kaggle(url: str, classes: ClassIds, options: StorageOptions) -> BenchmarkLabels:
    if classes.wnids is None:
        raise UsageError(f"{url} has WNIDs: give synsets=LOC_synset_mapping.txt or the devkit too")
    solution = kaggle(url, synsets=None, storage_options=options)
    annotations = {
        key: found for key, found in zip(VALIDATION_KEYS, _annotations(solution), strict=True) if found
    }
    if len(annotations) != solution.count:
        raise SourceError(
            f"{url} lists {quantity(solution.count - len(annotations), 'images')} outside of the "
            "validation set of ILSVRC2012: give LOC_val_solution.csv"
        )
    labels = {wnid: label for label, wnid in enumerate(classes.wnids)}
    unknown = {found.metadata["wnid"] for found in annotations.values()} - set(labels)
    if unknown:
        raise SourceError(f"{url}: {min(unknown)} is none of the classes in {classes.url}")
    label_rows = np.array([labels[found.metadata["wnid"]] for found in annotations.values()], np.int64)[
        :, None
    ]
    boxes = true_boxes(url, list(annotations.values()), [False] * len(annotations), classes)
    return BenchmarkLabels(
        "kaggle",
        url,
        tuple(annotations),
        label_rows,
        classes,
        key_of=_ilsvrc_key,
        boxes=boxes,
        notes=solution.notes,
    )


def _annotations(labels: Labels) -> list[Annotation | None]:
    """Return the annotation of each validation image, None for an image that the file does not have."""
    return [labels.find(key) for key in VALIDATION_KEYS]


def _data_set(url: str, options: StorageOptions) -> BenchmarkLabels:
    dataset = Dataset.open(url, storage_options=options)
    pairs = ((sample.key, sample.label) for sample in dataset.samples())
    return _by_key("dataset", dataset.url, pairs, dataset.manifest.classes)


def _source(name: str, url: str, options: StorageOptions) -> BenchmarkLabels:
    """Return the labels of a data set that is not packed, such as the class folders of ImageNet-V2."""
    listing = SOURCES[name](url, storage_options=options)
    if isinstance(listing, Stream):
        pairs = ((image.reference.key, image.reference.label) for image in listing.images())
    else:
        pairs = ((reference.key, reference.label) for reference in listing.references)
    benchmark = _by_key(name, url, pairs, listing.classes)
    return replace(benchmark, notes=listing.notes)


def _by_key(
    name: str, url: str, pairs: Iterable[tuple[str, int | None]], classes: Sequence[Metadata]
) -> BenchmarkLabels:
    labels: dict[str, int] = {}
    for key, label in pairs:
        if label is None or label < 0:
            raise SourceError(f"{url}: {key} has no label to score against")
        labels[key] = label
    if not labels:
        raise SourceError(f"{url} has no images")
    keys = tuple(sorted(labels))
    wnids = tuple(str(info.get("wnid", "")) for info in classes)
    class_ids = ClassIds(url, len(classes) or None, wnids if wnids and all(wnids) else None)
    return BenchmarkLabels(
        name, url, keys, np.array([labels[key] for key in keys], np.int64)[:, None], class_ids
    )


def _padded(lists: Sequence[Sequence[int]]) -> Integers:
    labels = np.full((len(lists), max(map(len, lists), default=0)), NO_GUESS, np.int64)
    for row, row_labels in enumerate(lists):
        labels[row, : len(row_labels)] = row_labels
    return labels


def _ilsvrc_key(key: str) -> str:
    """Return the released stem, without folders, suffix, and the WNID that Hugging Face appends."""
    stem = stem_of(split_name(key)[0])
    try:
        return released_stem(stem)
    except SourceError:  # a number that ILSVRC2012 does not have: the key is unknown
        return stem
