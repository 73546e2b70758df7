"""The shards of one split of an input, told apart by their names or by timm's `_info.json`."""

import re
from collections.abc import Container, Mapping, Sequence
from typing import Final

from wds_imagenet.errors import NotFoundError
from wds_imagenet.format.info_files import TIMM_FILE
from wds_imagenet.inputs.small_files import find_file
from wds_imagenet.inputs.split_files import SplitFile, choose_split, find_split_files
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util import strict_json

SHARD_SUFFIXES: Final = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_MAX_BYTES: Final = 16 << 20


def list_shards(url: str, options: StorageOptions) -> list[SplitFile]:
    """Return the shards at a URL: one shard, the shards of a folder, or those of a pattern."""
    return find_split_files(url, options, SHARD_SUFFIXES)


def choose_shards(
    shards: Sequence[SplitFile],
    split: str | None,
    url: str,
    options: StorageOptions,
    packed: Container[str] = (),
) -> tuple[list[SplitFile], str | None]:
    """Return the shards of one split and the name of that split, None if nothing names it.

    A split that no shard has is a new name for all of them, if the user named each shard, or if one manifest
    lists them all.

    Args:
        shards: all shards of the input.
        split: the split that the user asks for; None for the only one.
        url: the input.
        options: options of the store.
        packed: paths of the shards in a manifest beside them.

    Raises:
        SourceError: there are shards of several splits and none is asked for, or none of the split asked for.
    """
    named = bool(re.search(r"[{*]", url)) or find_file(url, options) is not None
    listed = all(shard.info.path in packed for shard in shards)
    cure = f"; to give them that name, name the shards: {url.rstrip('/')}/*.tar"
    declared = _declared(shards[0])
    return choose_split(shards, split, url, declared=declared, renamed=named or listed, cure=cure)


def _declared(shard: SplitFile) -> Mapping[str, str]:
    """Return the split of each shard in the `_info.json` beside the shards; empty if there is none."""
    try:
        info = shard.store.info(TIMM_FILE)
        data = shard.store.read(TIMM_FILE, 0, min(info.size, _MAX_BYTES)).data
        splits = strict_json.loads(data, max_bytes=_MAX_BYTES)["splits"]
        return {name: split for split, item in splits.items() for name in item["filenames"]}
    except (NotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # another program's file: only the form that timm reads counts
