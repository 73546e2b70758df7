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
"""

from wds_imagenet.storage.local import LocalStore
from wds_imagenet.storage.opening import open_store
from wds_imagenet.storage.retry import Retry
from wds_imagenet.storage.store import Blob, ObjectInfo, Store
from wds_imagenet.storage.url import split_url

__all__ = ["Blob", "LocalStore", "ObjectInfo", "Retry", "Store", "open_store", "split_url"]
