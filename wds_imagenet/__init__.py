"""Pack ImageNet-like data into WebDataset shards on any store, and stream it into PyTorch.

Write data sets:
    `pack`          pack a released data set into shards and a manifest
    `add_layer`     add labels to a packed data set, without touching its shards
    `index`         write a manifest for WebDataset shards that another program wrote
    `verify`        read a whole data set and report every fault
    `repair`        mend a damaged data set, or leave damaged shards out

Read data sets:
    `Dataset`       samples by index, by key, or in order; a sample is a `Sample`
    `Loader`        batches for training and evaluation, each a `Batch`; `Stats` counts its work
    `RandomResizedCrop`, `ResizeCenterCrop`, `Decode`
                    the transforms of a loader; your own serves as well: a `Transform`, which has a shape,
                    or a function that takes a `DecodedSample`
    `decode_image`  the pixels of one encoded image

Score predictions:
    `evaluate`      errors by the rules of ILSVRC, ReaL, ImageNet-V2 and Kaggle, as an `EvaluationReport`
    `Predictions`   guesses that are no file yet, such as logits

Errors:
    `errors`        the tree of all errors below `WdsImagenetError`; each stands here too

Example::

    >>> from wds_imagenet import Dataset, Loader, RandomResizedCrop, pack
    >>> report = pack("imagefolder", "photos", dest="packed/train")
    >>> dataset = Dataset.open("packed/train")
    >>> sample = dataset[0]  # sample.key, sample.image, sample.label
    >>> with Loader(dataset, RandomResizedCrop(224, flip=True), batch_size=4) as loader:
    ...     for batch in loader:
    ...         images, labels = batch.images, batch.labels  # uint8 [4, 3, 224, 224], int64 [4]

Each name is imported when it is first used: `import wds_imagenet` loads neither torch nor NumPy.
`wds_imagenet.torch` has data sets for torch's DataLoader.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from wds_imagenet import errors
from wds_imagenet.errors import (
    ChangedError,
    CorruptError,
    DataError,
    DeniedError,
    ExistsError,
    FullError,
    ImageError,
    ManifestError,
    MissingExtraError,
    NoAttributeError,
    NotFoundError,
    PlanError,
    SourceError,
    StoreError,
    TooLargeError,
    UnavailableError,
    UsageError,
    WdsImagenetError,
)

if TYPE_CHECKING:
    from wds_imagenet.evaluation.evaluate import EvaluationReport, Score, evaluate
    from wds_imagenet.evaluation.predictions import Predictions
    from wds_imagenet.images.decode import decode_image
    from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
    from wds_imagenet.indexing.index import IndexProgress, IndexReport, index
    from wds_imagenet.packing.add_layer import add_layer
    from wds_imagenet.packing.api import pack
    from wds_imagenet.packing.report import LayerReport, PackProgress, PackReport
    from wds_imagenet.reading.batches.batch import Batch
    from wds_imagenet.reading.batches.decoded_sample import DecodedSample
    from wds_imagenet.reading.batches.stats import Stats
    from wds_imagenet.reading.batches.transform import Transform
    from wds_imagenet.reading.dataset import Dataset
    from wds_imagenet.reading.loader import Loader
    from wds_imagenet.reading.verify import VerifyProgress, VerifyReport, verify
    from wds_imagenet.repairing.api import repair
    from wds_imagenet.repairing.report import RepairAction, RepairReport
    from wds_imagenet.sample import Sample

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "ChangedError",
    "CorruptError",
    "DataError",
    "Dataset",
    "Decode",
    "DecodedSample",
    "DeniedError",
    "EvaluationReport",
    "ExistsError",
    "FullError",
    "ImageError",
    "IndexProgress",
    "IndexReport",
    "LayerReport",
    "Loader",
    "ManifestError",
    "MissingExtraError",
    "NoAttributeError",
    "NotFoundError",
    "PackProgress",
    "PackReport",
    "PlanError",
    "Predictions",
    "RandomResizedCrop",
    "RepairAction",
    "RepairReport",
    "ResizeCenterCrop",
    "Sample",
    "Score",
    "SourceError",
    "Stats",
    "StoreError",
    "TooLargeError",
    "Transform",
    "UnavailableError",
    "UsageError",
    "VerifyProgress",
    "VerifyReport",
    "WdsImagenetError",
    "add_layer",
    "decode_image",
    "errors",
    "evaluate",
    "index",
    "pack",
    "repair",
    "verify",
]

_MODULES: Final = {
    "Batch": "reading.batches.batch",
    "Dataset": "reading.dataset",
    "Decode": "images.transforms",
    "DecodedSample": "reading.batches.decoded_sample",
    "EvaluationReport": "evaluation.evaluate",
    "IndexProgress": "indexing.index",
    "IndexReport": "indexing.index",
    "LayerReport": "packing.report",
    "Loader": "reading.loader",
    "PackProgress": "packing.report",
    "PackReport": "packing.report",
    "Predictions": "evaluation.predictions",
    "RandomResizedCrop": "images.transforms",
    "RepairAction": "repairing.report",
    "RepairReport": "repairing.report",
    "ResizeCenterCrop": "images.transforms",
    "Sample": "sample",
    "Score": "evaluation.evaluate",
    "Stats": "reading.batches.stats",
    "Transform": "reading.batches.transform",
    "VerifyProgress": "reading.verify",
    "VerifyReport": "reading.verify",
    "add_layer": "packing.add_layer",
    "decode_image": "images.decode",
    "evaluate": "evaluation.evaluate",
    "index": "indexing.index",
    "pack": "packing.api",
    "repair": "repairing.api",
    "verify": "reading.verify",
}
"""The module of each name that is imported late."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attributes are of many types
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
