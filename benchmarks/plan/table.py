"""wds-imagenet: a CSV of images with their classes and captions."""

import tempfile
from pathlib import Path

from wds_imagenet.sources import Listing, table

CLASSES = 1000


def listing(entries: int) -> Listing:
    """List a synthetic table."""
    with tempfile.TemporaryDirectory(prefix="wds-imagenet-bench-") as folder:
        path = Path(folder) / "images.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("url,label,caption,width\n")
            for i in range(entries):
                place = f"{i % CLASSES:04d}/{i * 7919 % 10**9:09d}"
                file.write(f"s3://bucket/{place}.jpg,class {i % CLASSES},photo {i} of something,{i % 4000}\n")
        return table(str(path))
