#!/usr/bin/env python3
"""Read many images with one loader, and print the peak memory of its process for each 25,000 images.

    benchmarks/.venvs/torch/bin/python benchmarks/memory.py SHARDS --images 200000

Python and torch are included. Memory is sampled after each batch, which costs a millisecond.
"""

import argparse
import os

from measure import memory
from wds_imagenet import Loader, RandomResizedCrop

STEP = 25_000


def main() -> None:
    """Parse the arguments, read, and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shards")
    parser.add_argument("--images", type=int, default=200_000)
    parser.add_argument("--workers", type=int, default=2, help="threads")
    arguments = parser.parse_args()
    images = peak = 0
    print("| images so far | peak MB since the line before |\n| --- | --- |")
    transform = RandomResizedCrop(224, flip=True)
    with Loader(arguments.shards, transform, 256, threads=arguments.workers) as loader:
        while images < arguments.images:
            for batch in loader:
                before, images = images, images + int(batch.mask.sum())
                peak = max(peak, memory(os.getpid()))
                if images // STEP > before // STEP:
                    print(f"| {images:,} | {peak / 1e6:,.0f} |", flush=True)
                    peak = 0


if __name__ == "__main__":
    main()
