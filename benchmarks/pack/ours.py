"""wds-imagenet: every header parsed, every image and shard hashed, every block read back."""

from pathlib import Path

from wds_imagenet import pack as pack_data_set


def pack(data: Path, out: Path, workers: int) -> int:
    """Pack the class folders and return the number of images."""
    folder, dest = str(data / "folder"), str(out)
    report = pack_data_set(
        "imagefolder", folder, dest=dest, name="photos", shard_bytes=64 << 20, workers=workers
    )
    return report.samples
