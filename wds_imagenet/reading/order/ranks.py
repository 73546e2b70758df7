"""The rank and the world size of this process, and its number of threads.

They come from torch.distributed or the environment, and are never guessed.
"""

import os
import sys

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.arguments import whole


def rank_and_world_size(rank: int | None = None, world_size: int | None = None) -> tuple[int, int]:
    """Return the rank and the world size.

    In this order: the arguments; `torch.distributed`, where it is initialised; `RANK` and `WORLD_SIZE` of the
    environment, which torchrun, Lightning and Accelerate set; (0, 1). Raises `UsageError` for one without
    the other.
    """
    if rank is not None and world_size is not None:
        return whole("rank", rank), whole("world_size", world_size)
    if rank is not None or world_size is not None:
        raise UsageError("rank and world_size are given together or not at all")
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    rank_text, size_text = os.environ.get("RANK"), os.environ.get("WORLD_SIZE")
    if rank_text is None and size_text is None:
        return 0, 1
    try:
        return int(rank_text or ""), int(size_text or "")
    except ValueError:
        raise UsageError(
            f"the environment has RANK={rank_text!r} and WORLD_SIZE={size_text!r}; both must be integers"
        ) from None


def usable_processors() -> int:
    """Return the number of CPUs on which this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_threads() -> int:
    """Return the usable CPUs, divided by `LOCAL_WORLD_SIZE` where several ranks run on one machine."""
    usable = usable_processors()
    local_ranks = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return max(1, usable // int(local_ranks)) if local_ranks.isdigit() and int(local_ranks) else usable
