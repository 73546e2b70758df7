"""Pack ImageNet-like data into WebDataset shards on any store, and stream it into PyTorch.

The names below are the public interface; each is imported when it is first used, so that a command
line or a packing worker does not pay for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wds_imagenet.images.decode import decode
    from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
    from wds_imagenet.packing.api import pack
    from wds_imagenet.packing.publish.layer_run import LayerReport, relabel
    from wds_imagenet.packing.report import PackReport
    from wds_imagenet.reading.batches.batch import Batch
    from wds_imagenet.reading.batches.decoded_sample import DecodedSample
    from wds_imagenet.reading.dataset import Dataset
    from wds_imagenet.reading.loader import Loader
    from wds_imagenet.sample import Sample

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Dataset",
    "Decode",
    "DecodedSample",
    "LayerReport",
    "Loader",
    "PackReport",
    "RandomResizedCrop",
    "ResizeCenterCrop",
    "Sample",
    "decode",
    "pack",
    "relabel",
]

_HOMES: Final = {
    "Batch": "reading.batches.batch",
    "Dataset": "reading.dataset",
    "Decode": "images.transforms",
    "DecodedSample": "reading.batches.decoded_sample",
    "LayerReport": "packing.publish.layer_run",
    "Loader": "reading.loader",
    "PackReport": "packing.report",
    "RandomResizedCrop": "images.transforms",
    "ResizeCenterCrop": "images.transforms",
    "Sample": "sample",
    "decode": "images.decode",
    "pack": "packing.api",
    "relabel": "packing.publish.layer_run",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attributes are of many types
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
