"""Read and write objects on the local disk, object stores, memory and HTTP, through one `Store`.

No other room imports fsspec or obstore, or asks which kind of store it holds.

- `store`            the interface of every store, and its values
- `opener`           `open_store`: URL and options → store
- `url`              URLs parsed; those that could reach more than a store are rejected
- `signatures`       the query of a URL without its signature
- `store_options`    the options of a store, under the names of s3fs, obstore and botocore
- `local`            the local disk: temporary file, fsync, rename
- `os_errors`        the operating system's errors → errors of this package
- `remote`           every other store: an engine, with retries, checks and clear errors
- `engine`           the interface of an engine: one attempt of each call; and the choice of one
- `obstore_engine`   the engine for s3, gs and az: obstore
- `fsspec_engine`    the engine for all other stores, and where obstore cannot be used: fsspec
- `http_engine`      the engine for http and https: aiohttp, on a session of fsspec
- `s3fs_engine`      the engine for s3 where obstore cannot be used: s3fs
- `checked_s3fs`     s3fs, with checked replies
- `credentials`      the credentials with which obstore signs requests to S3
- `failures`         HTTP status or S3 code → error: what is retried, and what is not (403, 404, …)
- `retry`            how often and how long a failed call is repeated
- `event_loop`       requests that Ctrl-C or a cancelled token ends, in this thread or one of their own
- `http_download`    single files off the web, from hosts that are not trusted
"""

from wds_imagenet.storage.local import LocalStore
from wds_imagenet.storage.opener import open_store
from wds_imagenet.storage.retry import Retry
from wds_imagenet.storage.store import Blob, ObjectInfo, Store
from wds_imagenet.storage.url import split_url

__all__ = ["Blob", "LocalStore", "ObjectInfo", "Retry", "Store", "open_store", "split_url"]
