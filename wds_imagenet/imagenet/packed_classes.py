"""The classes of a packed data set, as a class list for another."""

from collections.abc import Mapping

from wds_imagenet.errors import NotFoundError, SourceError
from wds_imagenet.format.manifest import MANIFEST_PATH, MAX_BYTES, Manifest
from wds_imagenet.storage import open_store
from wds_imagenet.storage.store import StorageOptions


def read_packed_classes(url: str, options: StorageOptions) -> tuple[Mapping[str, str], ...] | None:
    """Return name and WNID of each class of a packed data set; None if there is no data set at the URL.

    Costs one request.

    Args:
        url: the data set.
        options: storage options.

    Raises:
        SourceError: the data set has no names of classes.
        ManifestError: its manifest is damaged.
    """
    try:
        manifest = Manifest.from_json(open_store(url, options).read(MANIFEST_PATH, limit=MAX_BYTES).data)
    except NotFoundError:
        return None
    classes = manifest.classes
    if not classes or not all(item.get("name") for item in classes):
        raise SourceError(f"the data set {url} has no names of classes, so it gives no class list")
    fields = [name for name in ("name", "wnid") if all(type(item.get(name)) is str for item in classes)]
    return tuple({name: item[name] for name in fields} for item in classes)
