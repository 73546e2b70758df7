"""Read and write objects on the local disk, object stores, memory and HTTP, through one `Store`.

No other room imports fsspec or obstore, or asks which kind of store it holds.

- `store`            the interface of every store, and its values
- `opener`           `open_store`: URL and options → store
- `url`              URLs parsed; those that could reach more than a store are rejected
- `signatures`       the query of a URL without its signature
- `store_options`    the options of a store, under the names of s3fs, obstore and botocore
- `local`            the local disk
- `temporary_files`  files that are written under another name, and renamed when they are whole
- `os_errors`        the operating system's errors → errors of this package
- `remote`           every other store: the checks of replies, around a connection
- `connection`       the calls of an engine: connected in each process, retried, with clear errors
- `engines`          one attempt of each call, by obstore, fsspec, s3fs or aiohttp
- `credentials`      the credentials with which obstore signs requests to S3
- `secrets`          the secrets of the environment, which messages must not show
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
