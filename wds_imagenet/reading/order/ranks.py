"""The rank and the world size of this process, and its number of threads.

They come from torch.distributed or the environment, and are never guessed.
"""

import os
import re
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Final, NamedTuple

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.arguments import whole
from wds_imagenet.util.processes import usable_cpus

_MPI: Final = (("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"), ("PMI_RANK", "PMI_SIZE"))
_FIRST_SPECIAL_STEP: Final = 0xFFFFFFF0  # SLURM's numbers for batch scripts and interactive shells
_LOCAL_RANKS: Final = ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS")


class Place(NamedTuple):
    """The place of this process among all processes of the training."""

    rank: int
    world_size: int
    source: str = ""
    """The origin of the two numbers; empty if the caller gave them."""


def rank_and_world_size(rank: int | None = None, world_size: int | None = None) -> Place:
    """Return the rank and the world size.

    In this order: the arguments; `torch.distributed`, where it is initialised; `RANK` and `WORLD_SIZE` of the
    environment, which torchrun, Lightning and Accelerate set; the variables of Open MPI, of MPICH, and of a
    step of SLURM; (0, 1). Raises `UsageError` for one without the other.
    """
    if rank is not None and world_size is not None:
        return Place(whole("rank", rank), whole("world_size", world_size))
    if rank is not None or world_size is not None:
        raise UsageError("rank and world_size are given together or not at all")
    distributed = _process_group()
    if distributed is not None:
        return Place(distributed.get_rank(), distributed.get_world_size(), "torch.distributed")
    return place_in(os.environ)


def place_in(environment: Mapping[str, str]) -> Place:
    """Return the rank and the world size that an environment states; (0, 1) if it states none. Pure."""
    names = ("RANK", "WORLD_SIZE")
    if any(name in environment for name in names):
        return _read(environment, *names)
    is_shell = _is_slurm_shell(environment)
    for names in _MPI:
        # The shell of an interactive step is a task for SLURM's PMI, and no rank of a training.
        if all(name in environment for name in names) and not (names[0] == "PMI_RANK" and is_shell):
            return _read(environment, *names)
    if "SLURM_PROCID" not in environment or is_shell:
        return Place(0, 1, "the environment, which states no rank")
    sizes = ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS")
    size = next((name for name in sizes if name in environment), sizes[1])
    return _read(environment, "SLURM_PROCID", size)


def check_world(place: Place) -> None:
    """Raise `UsageError` if `torch.distributed`, initialised later, states another place."""
    distributed = _process_group()
    if distributed is None or not place.source:
        return
    rank, world_size = distributed.get_rank(), distributed.get_world_size()
    if (rank, world_size) != (place.rank, place.world_size):
        raise UsageError(
            f"this loader is rank {place.rank} of {place.world_size} (from {place.source}), but "
            f"torch.distributed says rank {rank} of {world_size}: make the loader after "
            "init_process_group, in the process that iterates it, or pass rank= and world_size="
        )


def default_threads() -> int:
    """Return the usable CPUs, shared among the ranks of this machine, where the environment counts them."""
    usable = usable_cpus()
    counts = [os.environ[name] for name in _LOCAL_RANKS if name in os.environ]
    local_ranks = counts[0] if counts else "1"
    if local_ranks.isdigit() and int(local_ranks) > 0:
        usable = max(1, usable // int(local_ranks))
    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(usable, int(allotted)) if allotted.isdigit() and int(allotted) > 0 else usable


def _process_group() -> ModuleType | None:
    """Return `torch.distributed` if it is imported and initialised."""
    distributed = sys.modules.get("torch.distributed")
    is_ready = distributed is not None and distributed.is_available() and distributed.is_initialized()
    return distributed if is_ready else None


def _read(environment: Mapping[str, str], rank_name: str, size_name: str) -> Place:
    rank, size = environment.get(rank_name), environment.get(size_name)
    if rank is None or size is None or not all(re.fullmatch(r"\d{1,9}", text) for text in (rank, size)):
        raise UsageError(
            f"the environment has {rank_name}={rank!r} and {size_name}={size!r}; both must be integers"
        )
    if int(rank) >= int(size):
        raise UsageError(
            f"the environment has {rank_name}={rank} and {size_name}={size}; a rank is smaller than the "
            "world size"
        )
    return Place(int(rank), int(size), f"{rank_name} and {size_name}")


def _is_slurm_shell(environment: Mapping[str, str]) -> bool:
    """Return True for the script of a job, or for an interactive shell, beside which no rank runs.

    SLURM exports the number of tasks of the job there, too. Only a task of a step that `srun` began is a
    rank. The shell of `srun --pty` is the first task of a step.
    """
    if environment.get("SLURM_PROCID") != "0":
        return False
    step = environment.get("SLURM_STEP_ID", environment.get("SLURM_STEPID", ""))
    if not step.isdigit() or int(step) >= _FIRST_SPECIAL_STEP:
        return True
    return "SLURM_PTY_PORT" in environment
