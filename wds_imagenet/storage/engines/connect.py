"""The choice of an engine: obstore where it can be used, else fsspec."""

from wds_imagenet.errors import MissingExtraError, UsageError
from wds_imagenet.storage.engines import obstore_engine
from wds_imagenet.storage.engines.engine import StoreEngine
from wds_imagenet.storage.engines.fsspec_engine import FsspecEngine
from wds_imagenet.storage.engines.http_engine import HttpEngine
from wds_imagenet.storage.engines.s3fs_engine import S3fsEngine
from wds_imagenet.storage.store_options import ParsedOptions, fsspec_config, obstore_config
from wds_imagenet.storage.url import Location


def connect(location: Location, options: ParsedOptions, *, plain: bool = False) -> StoreEngine:
    """Return the engine for a location: obstore where it can be used, else fsspec.

    Args:
        location: the folder of the store.
        options: the options of the store.
        plain: True for keys with empty parts, which obstore cannot read.

    Raises:
        UsageError: if the engine that the options name lacks the store or one of the options.
        MissingExtraError: if no engine is installed.
    """
    plain = plain or "//" in location.root
    config = None if plain or options.engine == "fsspec" else obstore_config(location.scheme, options)
    if options.engine == "obstore" and config is None and not plain:
        raise UsageError(
            f"{location.url}: obstore lacks this store or one of these options; leave out engine=obstore"
        )
    if config is not None and obstore_engine.usable():
        try:
            return obstore_engine.ObstoreEngine(location, options, config)
        except ImportError as error:
            if options.engine == "obstore":
                raise MissingExtraError.of("s3", "the obstore engine") from error
    return _connect_fsspec(location, options)


def _connect_fsspec(location: Location, options: ParsedOptions) -> StoreEngine:
    config = fsspec_config(location.scheme, options)
    if config is None:
        raise UsageError(
            f"{location.url}: some of these options are obstore's alone, which cannot be used here; leave "
            "them out"
        )
    kinds = {"s3": S3fsEngine, "http": HttpEngine, "https": HttpEngine}
    return kinds.get(location.scheme, FsspecEngine)(location, options, config)
