"""webdataset's ShardWriter with the same files. It syncs each shard to the disk, as we do."""

import os
from pathlib import Path

import webdataset as wds


def pack(data: Path, out: Path, workers: int) -> int:  # noqa: ARG001 - ShardWriter has one process
    """Pack the class folders and return the number of images."""
    folders = sorted(path for path in (data / "folder").iterdir() if path.is_dir())
    count = 0
    pattern = str(out / "photos-train-%06d.tar")
    with wds.ShardWriter(pattern, maxsize=64 << 20, verbose=0, post=sync) as writer:
        for label, folder in enumerate(folders):
            for path in sorted(folder.iterdir()):
                sample = {"__key__": path.stem, "jpg": path.read_bytes(), "cls": label}
                writer.write({**sample, "json": {"label": label, "filename": path.name}})
                count += 1
    return count


def sync(shard: str) -> None:
    """Wait until a finished shard is on the disk."""
    with open(shard, "rb") as file:  # noqa: PTH123 - webdataset passes a string
        os.fsync(file.fileno())
