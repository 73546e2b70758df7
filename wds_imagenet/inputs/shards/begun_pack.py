"""Shards of a pack that was begun and not finished, which are a part of a data set."""

from collections.abc import Iterable
from typing import Final

from wds_imagenet.errors import ManifestError, NotFoundError
from wds_imagenet.format.manifest import MANIFEST_PATH, METADATA_FOLDER, PLAN_PATH
from wds_imagenet.storage.store import Store

_RECEIPTS: Final = f"{METADATA_FOLDER}/receipts/"


def check_no_begun_pack(store: Store, paths: Iterable[str]) -> None:
    """Raise `ManifestError` if a folder of these shards has a plan or a receipt, and no manifest.

    Costs one request for each folder with a manifest, and two and a listing for each other folder.

    Args:
        store: the store of the shards.
        paths: their paths in the store; "" stands for the folder of the store.
    """
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        _check(store, folder and f"{folder}/")


def _check(store: Store, folder: str) -> None:
    if _exists(store, f"{folder}{MANIFEST_PATH}"):
        return
    begun = _exists(store, f"{folder}{PLAN_PATH}")
    if not begun and store.listable:
        paths = (info.path.removeprefix(folder) for info in store.list_objects(f"{folder}{_RECEIPTS}"))
        begun = any(path.endswith(".tar.json") for path in paths)
    if begun:
        where = f"{store.url}/{folder}".rstrip("/")
        raise ManifestError(
            f"packing was begun and not finished in {where}: shards may be missing. Run the same 'pack' "
            f"again, or remove {METADATA_FOLDER} there to use the shards as they are"
        )


def _exists(store: Store, path: str) -> bool:
    try:
        store.info(path)
    except NotFoundError:
        return False
    return True
