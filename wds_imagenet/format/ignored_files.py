"""One rule for the files that every source, `index` and the label files ignore."""

import re
from typing import Final

_SYSTEM: Final = frozenset(
    {
        "#recycle",
        "$recycle.bin",
        "@eadir",
        "__macosx",
        "desktop.ini",
        "ehthumbs.db",
        "icon\r",
        "lost+found",
        "system volume information",
        "thumbs.db",
    }
)
"""Names that macOS, Windows, Synology and ext4 give to files and folders of their own, in lower case."""
_PAX_HEADERS: Final = re.compile(r"paxheaders(?:\.[0-9]+)?")
"""A folder of PAX headers, as a tar program writes it that does not know them."""


def is_ignored(path: str) -> bool:
    """Return True if a part of `path` is hidden (begins with a dot) or has the name of a system file.

    Folders, tars, shards and listings use this rule alone. It looks at names only, never at bytes.

    Args:
        path: path with `/` between its parts, relative to the folder, tar or listing that the user named.
    """
    for part in path.lower().split("/"):
        if part in _SYSTEM or (part[:1] == "." and part not in {".", ".."}):
            return True
        if part[:3] == "pax" and _PAX_HEADERS.fullmatch(part):
            return True
    return False
