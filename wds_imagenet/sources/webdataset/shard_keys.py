"""Names of shards in front of keys, which make the keys of several shards unique. Pure."""

import os
from collections.abc import Sequence

from wds_imagenet.inputs.shards.split_choice import SHARD_SUFFIXES
from wds_imagenet.inputs.split_files import SplitFile
from wds_imagenet.storage.url import is_http


def shard_prefixes(parts: Sequence[SplitFile]) -> list[str]:
    """Return the prefix of the keys of each shard: its path below the folder that all shards share.

    Args:
        parts: all shards of the data set.
    """
    urls = [part.url.partition("?")[0] if is_http(part.url) else part.url for part in parts]
    shared = os.path.commonprefix(urls)  # noqa: RUF071 - cut at its last slash
    folder = "".join(shared.rpartition("/")[:2])
    return [f"{_stem(url.removeprefix(folder))}/" for url in urls]


def _stem(path: str) -> str:
    suffix = next((suffix for suffix in SHARD_SUFFIXES if path.lower().endswith(suffix)), "")
    return path[: len(path) - len(suffix)]
