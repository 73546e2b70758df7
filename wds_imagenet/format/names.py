"""Names of data sets that nobody named. Pure."""

import re


def default_name(url: str, split: str) -> str:
    """Return the name of a data set, taken from the URL of its folder: `in1k` for `s3://bucket/in1k/train`.

    Args:
        url: The folder of the data set.
        split: A last part of the path that equals the split is passed over.
    """
    parts = [part for part in url.rpartition("://")[2].split("/") if part]
    if len(parts) > 1 and parts[-1] == split:
        parts.pop()
    name = re.sub(r"[^A-Za-z0-9]", "_", parts[-1] if parts else "").strip("_")
    return name or "data"
