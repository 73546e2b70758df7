"""Where bytes lie: one interface to the local disk, object stores, memory and HTTP.

store.py        the interface: what the rest of the package may ask and rely on
opening.py      from a URL to a store
url.py          URLs taken apart, and refused where they would open more than a store
options.py      what a user may say about a store, in s3fs's words or in obstore's
local.py        the local disk: temporary, fsync, rename
remote.py       every other store: retries, checks and clear errors around an engine
engine.py       what an engine must do
objects.py      the fast engine, for s3, gs and az: obstore's own API
generic.py      the engine for all the rest: fsspec
credentials.py  what signs obstore's requests to S3
fault.py        what a failure means, whichever engine met it
download.py     images off the web, from whoever has them
retry.py        trying again, within bounds
waiting.py      one attempt, which Ctrl-C and a stop can cut short

No other room knows fsspec or obstore.
- `cancellable`  Waiting for a coroutine in a thread that has something else to listen to: a `Stop`, or
  Ctrl-C.
- `credentials`  Credentials for S3, for obstore: those that were given, or those that botocore finds.
- `engine`  What an engine must do for `RemoteStore`: one attempt of each thing, and words for its failures.
- `failures`  What a store's failure means, whichever client reported it. Pure.
- `fsspec_engine`  The engine for every other store: any fsspec file system, by its few calls that are
  whole or nothing.
- `http_download`  Images off the web, by URLs out of a data set: from strangers' hosts, and not into one's
  own network.
- `local`  The local disk.
- `obstore_engine`  The fast engine for s3, gs and az: obstore's own API.
- `opening`  From a URL to a store.
- `options`  What a user may say about a store, in s3fs's words or in obstore's, made into what each takes.
  Pure.
- `remote`  A folder on any store but the local disk: retries, checks and clear errors around an engine.
- `retry`  Trying again, a bounded number of times, for as long as a bounded time.
- `store`  The one interface to every store: what the rest of the package may ask, and what it may rely on.
- `url`  URLs of stores: taken apart, and refused where they would open more than a store. Pure.
"""

from wds_imagenet.storage.local import LocalStore
from wds_imagenet.storage.opening import open_store
from wds_imagenet.storage.retry import Retry
from wds_imagenet.storage.store import Blob, ObjectInfo, Store
from wds_imagenet.storage.url import split_url

__all__ = ["Blob", "LocalStore", "ObjectInfo", "Retry", "Store", "open_store", "split_url"]
