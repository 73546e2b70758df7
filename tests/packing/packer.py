"""For each line `SOURCE DEST WORKERS`, fork a process that packs; tell its id, and its exit code."""

import os
import sys
from typing import Any, Final

from wds_imagenet.packing.api import pack

OPTIONS: Final[dict[str, Any]] = {"name": "photos", "samples_per_shard": 20, "block_bytes": 300_000}


def main() -> None:
    if len(sys.argv) > 1:
        os.umask(int(sys.argv[1], 8))
    for line in sys.stdin:
        source, dest, workers = line.split()
        packer = os.fork()
        if not packer:
            os.setpgid(0, 0)
            pack("imagefolder", source, dest=dest, workers=int(workers), **OPTIONS)
            sys.exit(0)
        os.setpgid(packer, packer)  # whichever of the two is first
        tell(packer)
        tell(os.waitstatus_to_exitcode(os.waitpid(packer, 0)[1]))


def tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
