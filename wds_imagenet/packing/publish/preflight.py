"""Checks before the input is listed, which may take hours: contradictory options, and the destination."""

import hashlib
import os.path
from collections.abc import Collection, Iterable
from contextlib import suppress

from wds_imagenet.errors import PlanError, UsageError
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.plan.plan_file import option_differences
from wds_imagenet.packing.publish.layout import dataset_layout
from wds_imagenet.packing.publish.resume import (
    check_own_folder,
    check_vacant,
    find_files,
    foreign,
    in_file,
    stated_plan,
    taken,
)
from wds_imagenet.storage import Store
from wds_imagenet.storage.url import Location, parse_url


def check_apart(inputs: Iterable[str], dest: str) -> None:
    """Raise `UsageError` if the destination is an input or lies in one: a rerun would list its own shards."""
    place = parse_url(dest)
    for item in inputs:
        with suppress(UsageError):  # a pattern or no URL: the source reports it
            whole = parse_url(item)
            if (place.scheme, place.account) != (whole.scheme, whole.account):
                continue
            root, inside = _root(whole), _root(place)
            if inside == root or inside.startswith(root.rstrip("/") + "/"):
                break
    else:
        return
    raise UsageError(f"the destination {dest} lies in the input {item}: choose one outside of it")


def check_destination(store: Store, options: PackOptions, undecided: Collection[str]) -> None:
    """Reject a destination that cannot take a plan with these options.

    The run looks again: the listing may take hours, and another packer may come meanwhile.

    Costs a listing and two requests, and a listing and five more if the destination is free.

    Args:
        store: that of the destination.
        options: those of packing.
        undecided: names of options that only the listing decides.

    Raises:
        UsageError: the store can only be read.
        PlanError: the destination has the work of other options, or files that packing would overwrite.
        StoreError: the store cannot be reached.
    """
    if not store.writable:
        raise UsageError(f"{store.url}: stores behind HTTP can only be read")
    check_own_folder(store)
    layout = dataset_layout(options.name, options.split)
    # A listing fails if the bucket is missing; on some stores a read of a missing object does not.
    next(iter(store.list_objects(layout.receipts)), None)
    found = find_files(store, layout)
    stated = None if found.manifest is None else stated_plan(store, layout, found.manifest)
    if found.manifest is not None and stated is None:
        raise foreign(store, layout)
    if found.plan is None:
        if found.manifest is None:
            try:
                check_vacant(store, layout)
            except PlanError:
                if find_files(store, layout).plan is None:
                    raise
                check_destination(store, options, undecided)  # another packer has come meanwhile
        return
    if found.manifest is not None and hashlib.sha256(found.plan).hexdigest() != stated:
        return  # a damaged plan: only the listing decides whether the manifest states ours
    with in_file(store, layout.plan):
        differences = option_differences(found.plan, options, undecided)
    if differences:
        raise taken(store, layout, differences, finished=found.manifest is not None)


def check_optimizer(options: PackOptions) -> None:
    """Raise `UsageError` if JPEGs are to be optimized, and the native engine is missing."""
    if options.jpeg.optimize:
        from wds_imagenet.images.optimize import require_engine  # noqa: PLC0415 - it brings NumPy

        require_engine()


def _root(location: Location) -> str:
    return os.path.realpath(location.root) if location.scheme == "file" else location.root
