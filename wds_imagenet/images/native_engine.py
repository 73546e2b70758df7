"""The native engine `_native`, where it was built."""

from types import ModuleType


def _load() -> ModuleType | None:
    try:
        from wds_imagenet.images import _native  # noqa: PLC0415 - it may not be there
    except ImportError:  # installed without a C compiler or without libjpeg-turbo
        return None
    return _native


_native: ModuleType | None = _load()


def native_module() -> ModuleType | None:
    """Return the native module, or None where it was not built."""
    return _native


def engine() -> str:
    """Return the name of the decoder: `native`, or `simplejpeg` where the native module was not built."""
    return "simplejpeg" if _native is None else "native"
