"""The name of a data set that its URL suggests. Pure."""

import re


def default_name(dest: str, split: str) -> str:
    """Return the name in a destination's URL: `in1k` for `s3://bucket/in1k/train`.

    Args:
        dest: URL or path of the destination.
        split: name of the split; a last part of the path that equals it is left out.
    """
    parts = [part for part in dest.rpartition("://")[2].split("/") if part]
    if len(parts) > 1 and parts[-1] == split:
        parts.pop()
    name = re.sub(r"[^A-Za-z0-9]", "_", parts[-1] if parts else "").strip("_")
    return name or "data"
