"""Add label files (second argument, JSON) as a layer to a data set (first); print a line for each tar."""

import json
import sys

from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.report import PackProgress


def main() -> None:
    url, files, workers = sys.argv[1:]

    def show(now: PackProgress) -> None:
        sys.stdout.write(f"{now.shards_done}\n")
        sys.stdout.flush()

    add_layer(url, workers=int(workers), on_progress=show, **json.loads(files))


if __name__ == "__main__":
    main()
