"""One rule for the files that every source, `index` and the label files ignore."""

import re
from typing import Final

_SYSTEM: Final = (
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
)
"""Names that macOS, Windows, Synology and ext4 give to files and folders of their own, in lower case."""
_PAX_HEADERS: Final = r"paxheaders(?:\.[0-9]+)?"
"""A folder of PAX headers, as a tar program writes it that does not know them."""

_IGNORED: Final = re.compile(
    rf"(?:^|/)(?:\.(?!\.?(?:/|\Z))|(?:{'|'.join([*map(re.escape, _SYSTEM), _PAX_HEADERS])})(?:/|\Z))",
    re.IGNORECASE,
)


def is_ignored(path: str) -> bool:
    """Return True if a part of `path` is hidden (begins with a dot) or has the name of a system file.

    Folders, tars, shards and listings use this rule alone. It looks at names only, never at bytes.

    Args:
        path: path with `/` between its parts, relative to the folder, tar or listing that the user named.
    """
    return _IGNORED.search(path) is not None
