"""Torch, imported when the first loader is made: packing and browsing do without it."""

from types import ModuleType

from wds_imagenet.errors import MissingExtraError


def tensors() -> ModuleType:
    """Return the module `reading.tensors`. Raises `MissingExtraError` where torch is not installed."""
    try:
        from wds_imagenet.reading import tensors as module  # noqa: PLC0415 - torch is an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("torch", "reading batches") from error
    return module
