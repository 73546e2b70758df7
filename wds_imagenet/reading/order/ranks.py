"""Which process of how many this is, and its share of the CPUs.

Told by torch.distributed or the environment, never guessed.
"""

import os
import sys

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.loader.arguments import whole


def rank_and_world_size(rank: int | None = None, world_size: int | None = None) -> tuple[int, int]:
    """Return the rank and the world size.

    Those given; else those of `torch.distributed` where it is initialised; else the environment's
    `RANK` and `WORLD_SIZE` (torchrun, Lightning and Accelerate set them); else (0, 1). One without the
    other is a `UsageError`.
    """
    if rank is not None and world_size is not None:
        return whole("rank", rank), whole("world_size", world_size)
    if rank is not None or world_size is not None:
        raise UsageError("rank and world_size are given together or not at all")
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    told = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if told == (None, None):
        return 0, 1
    try:
        return int(told[0] or ""), int(told[1] or "")
    except ValueError:
        raise UsageError(
            f"the environment has RANK={told[0]!r} and WORLD_SIZE={told[1]!r}; both must be integers"
        ) from None


def usable_processors() -> int:
    """Return how many CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads() -> int:
    """Return how many CPUs this process may use, its share of them where ranks live side by side."""
    usable = usable_processors()
    beside = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return max(1, usable // int(beside)) if beside.isdigit() and int(beside) else usable
