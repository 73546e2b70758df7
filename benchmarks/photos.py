"""Prepare the inputs: class folders, our shards, and each peer's own format. It is not timed, and is kept.

DATA/photos-5/folder/CLASS/*.jpg     every photo five times, as hard links where possible
DATA/originals-5/shards/*.tar        packed by us with `--files`; likewise optimized-5, resized256-5, ...
DATA/originals-5/folder/0000/*.jpg   the files in these shards
DATA/originals-5/...                 formats that a contender's `prepare` writes
"""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

from contest import Contender
from environment import HERE, python

FILES: Final = {
    "originals": "keep",
    "optimized": "optimize",
    "resized256": "resize=256",
    "resized512": "resize=512",
}
"""Values of `--files`, with the value of `--jpeg` that `wds-imagenet pack` gets for each."""
SHARDS: Final = 16  # equally long, so that peers whose workers take whole shards get equal work


def lay_out(photos: Path, data: Path, copies: int) -> Path:
    """Write class folders with copies of each photo `CLASS_*.jpg`, and return their parent folder."""
    place = data / f"photos-{copies}"
    if not (place / "folder").exists():
        part = place / "folder.part"
        for path in sorted(p for p in photos.iterdir() if p.suffix.lower() in {".jpg", ".jpeg"}):
            folder = part / path.name.partition("_")[0]
            folder.mkdir(parents=True, exist_ok=True)
            for copy in range(copies):
                _link_or_copy(path, folder / f"{path.stem}_{copy}.jpg")
        part.replace(place / "folder")
    return place


def _link_or_copy(path: Path, to: Path) -> None:
    to.unlink(missing_ok=True)
    if path.stat().st_dev == to.parent.stat().st_dev and os.access(path, os.W_OK):
        to.hardlink_to(path)
    else:
        shutil.copyfile(path, to)


def pack_photos(place: Path, files: str, block: str = "") -> Path:
    """Pack the class folders, unpack the shards into files, and return the folder that holds both.

    Args:
        place: the result of `lay_out`.
        files: a key of `FILES`.
        block: bytes of a block, such as 2MiB; by default, pack decides.
    """
    there = place.with_name(place.name.replace("photos", files))
    shards = there / "shards"
    if not (shards / ".wds-imagenet" / "manifest.json").exists():
        command = [str(python("torch")), "-m", "wds_imagenet", "pack", "imagefolder", str(place / "folder")]
        photos = sum(1 for _ in (place / "folder").glob("*/*"))
        options = ["--samples-per-shard", str(-(-photos // SHARDS)), "--jpeg", FILES[files]]
        options += ["--block-bytes", block] if block else []
        subprocess.run([*command, str(shards), *options], check=True, stdout=sys.stderr)
    if not (there / "folder").exists():
        part = there / "folder.part"
        for shard in sorted(shards.glob("*.tar")):
            _unpack(shard, part)
        part.replace(there / "folder")
    return there


def _unpack(shard: Path, to: Path) -> None:
    """Write the images of a shard into one folder for each label."""
    label = ""
    with tarfile.open(shard) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".cls"):
                label = f"{int(file.read()):04d}"
            if file is not None and member.name.endswith(".jpg"):
                (to / label).mkdir(parents=True, exist_ok=True)
                (to / label / member.name).write_bytes(file.read())


def convert(contest: str, contender: Contender, data: Path) -> bool:
    """Let a contender write its own format. Return False, and print a line, if it fails."""
    command = [str(python(contender.environment)), str(HERE / "child.py"), "prepare", contest]
    done = subprocess.run([*command, contender.name, str(data)], check=False, stdout=sys.stderr)
    if done.returncode:
        print(f"left out: {contender.name}; preparation: exit code {done.returncode}", file=sys.stderr)
    return not done.returncode
