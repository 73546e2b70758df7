"""Pack ImageNet-like data into WebDataset shards on any store, and stream it into PyTorch.

The names below are the public interface; each is imported when it is first used, so that a command
line or a packing worker does not pay for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wds_imagenet.images.decode import decode
    from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
    from wds_imagenet.packing.add_layer import add_layer
    from wds_imagenet.packing.api import pack
    from wds_imagenet.packing.report import LayerReport, PackProgress, PackReport
    from wds_imagenet.reading.dataset import Dataset
    from wds_imagenet.reading.loader.batch import Batch, DecodedSample
    from wds_imagenet.reading.loader.loader import Loader
    from wds_imagenet.sample import Sample

__version__ = "0.1.0"

__all__ = [
    "Batch",
    "Dataset",
    "Decode",
    "DecodedSample",
    "LayerReport",
    "Loader",
    "PackProgress",
    "PackReport",
    "RandomResizedCrop",
    "ResizeCenterCrop",
    "Sample",
    "add_layer",
    "decode",
    "pack",
]

_HOMES: Final = {
    "Batch": "reading.loader.batch",
    "Dataset": "reading.dataset",
    "Decode": "images.transforms",
    "DecodedSample": "reading.loader.batch",
    "LayerReport": "packing.report",
    "Loader": "reading.loader.loader",
    "PackProgress": "packing.report",
    "PackReport": "packing.report",
    "RandomResizedCrop": "images.transforms",
    "ResizeCenterCrop": "images.transforms",
    "Sample": "sample",
    "add_layer": "packing.add_layer",
    "decode": "images.decode",
    "pack": "packing.api",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attributes are of many types
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
