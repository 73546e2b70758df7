"""What can be refused before a listing, which may take hours: contradictions, and the destination."""

import os.path
from collections.abc import Collection, Iterable
from contextlib import suppress

from wds_imagenet.errors import PlanError, UsageError
from wds_imagenet.format.manifest import MANIFEST_PATH, METADATA_FOLDER
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.listing_plan import option_differences
from wds_imagenet.packing.publish.destination import PLAN_PATH, check_vacant, read_if_there, taken
from wds_imagenet.storage import Store
from wds_imagenet.storage.url import Location, parse_url


def check_apart(inputs: Iterable[str], dest: str) -> None:
    """Refuse a destination that is an input or lies in one: a second run would find its own shards."""
    place = parse_url(dest)
    for item in inputs:
        with suppress(UsageError):  # a pattern, or nothing that can be read: its source says so
            whole = parse_url(item)
            if (place.scheme, place.account) != (whole.scheme, whole.account):
                continue
            root, inside = _root(whole), _root(place)
            if inside == root or inside.startswith(root.rstrip("/") + "/"):
                break
    else:
        return
    raise UsageError(f"the destination {dest} lies in the input {item}: choose one outside of it")


def check_destination(store: Store, options: PackOptions, open_choices: Collection[str]) -> None:
    """Refuse a destination that cannot be asked, or holds what no plan with these options is.

    `open_choices` are the options that only the listing settles. Costs a listing and two or three requests.
    Raises `PlanError` and `StoreError`.
    """
    if not store.writable:
        raise UsageError(f"{store.url}: stores behind HTTP can only be read")
    # Of an object that is missing not every store says whether the bucket is, too.
    next(iter(store.list_objects(f"{METADATA_FOLDER}/receipts/")), None)
    theirs, finished = read_if_there(store, PLAN_PATH), read_if_there(store, MANIFEST_PATH)
    if theirs is None:
        if finished is not None:
            raise PlanError(
                f"{store.url} holds a finished data set of another origin. Choose another destination; it is "
                "never overwritten"
            )
        check_vacant(store, {})
        return
    told = option_differences(theirs, options, open_choices)
    if told:
        raise taken(store, told, finished=finished is not None)


def check_engines(options: PackOptions) -> None:
    """Refuse to optimize JPEGs without the engine that can: a `UsageError` that says how to get it."""
    if options.jpeg.optimize:
        from wds_imagenet.images.optimize import require_engine  # noqa: PLC0415 - it brings NumPy

        require_engine()


def _root(location: Location) -> str:
    return os.path.realpath(location.root) if location.scheme == "file" else location.root
