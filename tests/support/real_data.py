"""Finds the real data, or draws the folder that stands in for it, once for all test processes."""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

import stand_in

VARIABLE = "WDS_IMAGENET_DATA"
BESIDE = Path(__file__).parents[3] / "shared" / "data"


def find_real_data() -> Path | None:
    """Return the folder of the real data, or None without it.

    `$WDS_IMAGENET_DATA` names it; `../shared/data` is its default; an empty variable asks for drawn data.

    Raises:
        NotADirectoryError: the variable names no folder.
    """
    named = os.environ.get(VARIABLE)
    folder = BESIDE if named is None else Path(named)
    if named and not folder.is_dir():
        raise NotADirectoryError(f"{VARIABLE} names {folder}, which is no folder: correct it, or unset it")
    return folder if named != "" and folder.is_dir() else None


def draw_once(cache: Path) -> Path:
    """Return the drawn folder; the first of several processes draws it, within 10 seconds and 40 MB."""
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = cache / f"data-{_version()}"
        if not folder.is_dir():
            for old in cache.glob("data-*"):
                shutil.rmtree(old)
            stand_in.draw_data(folder)
    return folder


def _version() -> str:
    digest = hashlib.sha256()
    for name in stand_in.MODULES:
        digest.update(Path(__file__).with_name(name).read_bytes())
    for library in ("skimage", "timm"):
        digest.update(str(stand_in.find_package(library).stat().st_mtime_ns).encode())
    return digest.hexdigest()[:16]
