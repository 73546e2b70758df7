"""The rank comes from the launcher, and never from a shell beside which no other rank runs."""

import subprocess
import sys
import textwrap

import pytest

from wds_imagenet import Loader, RandomResizedCrop
from wds_imagenet.errors import UsageError
from wds_imagenet.reading.order.ranks import (
    Place,
    check_world,
    default_threads,
    place_in,
    rank_and_world_size,
)

CROP = RandomResizedCrop(8)
STEP = {"SLURM_PROCID": "2", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_NTASKS": "8"}
FIRST = {**STEP, "SLURM_PROCID": "0"}
LAUNCHERS = {
    "none": ({}, (0, 1)),
    "torchrun": ({"RANK": "3", "WORLD_SIZE": "4"}, (3, 4)),
    "torchrun in a step of SLURM": ({**STEP, "RANK": "9", "WORLD_SIZE": "16"}, (9, 16)),
    "mpirun of Open MPI": ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, (1, 2)),
    "mpirun in a step of SLURM": ({**STEP, "OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "6"}, (5, 6)),
    "mpiexec of MPICH": ({"PMI_RANK": "1", "PMI_SIZE": "2"}, (1, 2)),
    "srun": (STEP, (2, 4)),
    "srun, first task": (FIRST, (0, 4)),
    "srun with PMI": ({**FIRST, "PMI_RANK": "0", "PMI_SIZE": "4"}, (0, 4)),
    "srun of an older SLURM": ({"SLURM_PROCID": "1", "SLURM_STEPID": "3", "SLURM_NTASKS": "4"}, (1, 4)),
    "srun without a step's number": ({"SLURM_PROCID": "1", "SLURM_NPROCS": "4"}, (1, 4)),
    "shell of salloc": ({"SLURM_NTASKS": "8", "SLURM_JOB_ID": "7"}, (0, 1)),
    "script of sbatch": ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_JOB_ID": "7"}, (0, 1)),
    "interactive step of salloc": ({**FIRST, "SLURM_STEP_ID": str(0xFFFFFFFA)}, (0, 1)),
    "shell of srun --pty": ({**FIRST, "SLURM_PTY_PORT": "34889", "PMI_RANK": "0", "PMI_SIZE": "4"}, (0, 1)),
    "srun from the shell of srun --pty": ({**STEP, "SLURM_PTY_PORT": "34889"}, (2, 4)),
}


@pytest.mark.parametrize(("environment", "place"), LAUNCHERS.values(), ids=LAUNCHERS)
def test_the_environment_of_each_launcher_gives_the_rank(environment, place):
    assert place_in(environment)[:2] == place


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"RANK": "3"}, "RANK='3' and WORLD_SIZE=None; both must be integers"),
        ({"WORLD_SIZE": "3"}, "RANK=None and WORLD_SIZE='3'"),
        ({"RANK": "-1", "WORLD_SIZE": "3"}, "RANK='-1'"),
        ({"RANK": "9" * 5000, "WORLD_SIZE": "3"}, "both must be integers"),
        ({"RANK": "3", "WORLD_SIZE": "3"}, "a rank is smaller than the world size"),
        ({"OMPI_COMM_WORLD_RANK": "a", "OMPI_COMM_WORLD_SIZE": "2"}, "OMPI_COMM_WORLD_RANK='a'"),
        ({"SLURM_PROCID": "1"}, "SLURM_PROCID='1' and SLURM_NTASKS=None"),
    ],
)
def test_an_environment_that_contradicts_itself_is_an_error(environment, message):
    with pytest.raises(UsageError, match=message):
        place_in(environment)


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, 8),
        ({"LOCAL_WORLD_SIZE": "4"}, 2),
        ({"LOCAL_WORLD_SIZE": "16"}, 1),
        ({"LOCAL_WORLD_SIZE": "x"}, 8),
        ({"LOCAL_WORLD_SIZE": "0"}, 8),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, 4),
        ({"MPI_LOCALNRANKS": "2"}, 4),
        ({"SLURM_CPUS_PER_TASK": "3"}, 3),
        ({"SLURM_CPUS_PER_TASK": "64"}, 8),
    ],
)
def test_the_ranks_of_a_machine_share_its_processors(monkeypatch, environment, threads):
    for name in ("LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_CPUS_PER_TASK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("wds_imagenet.reading.order.ranks.usable_cpus", lambda: 8)
    assert default_threads() == threads


RANK = """
    import sys, torch.distributed
    from torch.utils.data import DataLoader
    from wds_imagenet import Loader, RandomResizedCrop, UsageError
    from wds_imagenet.torch import IterableDataset
    shards, rendezvous, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])

    def fails(iterate):
        try:
            iterate()
        except UsageError as error:
            text = str(error)
            assert f"torch.distributed says rank {rank} of 2: make the loader after init" in text, text
            return True

    early = Loader(shards, RandomResizedCrop(8), 24, threads=1)
    stated = Loader(shards, RandomResizedCrop(8), 24, threads=1, rank=0, world_size=1)
    dataset = IterableDataset(shards, RandomResizedCrop(8), 24, threads=1)
    assert early.world_size == 1
    next(early.batches(0))
    torch.distributed.init_process_group("gloo", init_method="file://" + rendezvous, rank=rank, world_size=2)
    assert fails(lambda: next(iter(early)))
    assert fails(lambda: next(early.batches(0)))
    assert fails(lambda: next(iter(dataset)))
    for method in ("fork", "forkserver"):
        loader = DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context=method)
        assert fails(lambda: next(iter(loader))), method
    next(iter(stated))
    late = Loader(shards, RandomResizedCrop(8), 24, threads=1)
    assert (late.rank, late.world_size) == (rank, 2)
    next(iter(late))
    print("ok")
    torch.distributed.destroy_process_group()
"""


def test_a_loader_that_was_made_before_the_process_group_is_an_error(small_shards, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(RANK), str(small_shards), str(tmp_path / "rendezvous")]
    ranks = [subprocess.Popen([*command, str(r)], stdout=subprocess.PIPE, text=True) for r in range(2)]
    assert [rank.communicate(timeout=60)[0] for rank in ranks] == ["ok\n", "ok\n"]


def test_without_a_process_group_no_rank_is_checked():
    place = place_in({"RANK": "3", "WORLD_SIZE": "4"})
    check_world(place)
    with pytest.raises(UsageError, match="rank and world_size are given together"):
        Loader("/nowhere", CROP, 8, rank=1)


class Group:
    """A process group of torch.distributed, as far as a loader asks it."""

    def __init__(self, rank, world_size, *, available=True, initialized=True):
        self.is_available, self.is_initialized = (lambda: available), (lambda: initialized)
        self.get_rank, self.get_world_size = (lambda: rank), (lambda: world_size)


def test_the_process_group_comes_before_the_environment_and_after_the_arguments(monkeypatch):
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("WORLD_SIZE", "6")
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(1, 2))
    assert rank_and_world_size() == (1, 2, "torch.distributed")
    assert rank_and_world_size(3, 4) == (3, 4, "")
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(1, 2, initialized=False))
    assert rank_and_world_size() == (5, 6, "RANK and WORLD_SIZE")
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(1, 2, available=False))
    assert rank_and_world_size() == (5, 6, "RANK and WORLD_SIZE")
    monkeypatch.delitem(sys.modules, "torch.distributed")
    assert rank_and_world_size() == (5, 6, "RANK and WORLD_SIZE")


@pytest.mark.parametrize("arguments", [(1, None), (None, 1), (0, None), (None, 0)])
def test_one_number_without_the_other_is_an_error(arguments):
    with pytest.raises(UsageError, match="rank and world_size are given together or not at all"):
        rank_and_world_size(*arguments)


@pytest.mark.parametrize(("arguments", "name"), [(("x", 1), "rank"), ((0, "x"), "world_size")])
def test_the_number_that_is_none_is_named(arguments, name):
    with pytest.raises(UsageError, match=rf"\b{name}\b"):
        rank_and_world_size(*arguments)


@pytest.mark.parametrize(("rank", "world_size"), [(1, 2), (0, 4)])
def test_a_process_group_that_says_another_place_later_is_an_error(monkeypatch, rank, world_size):
    monkeypatch.setitem(sys.modules, "torch.distributed", Group(rank, world_size))
    check_world(Place(rank, world_size, "RANK and WORLD_SIZE"))
    check_world(Place(7, 8))
    message = rf"rank 0 of 2 \(from RANK and WORLD_SIZE\), but .* says rank {rank} of {world_size}: make"
    with pytest.raises(UsageError, match=message):
        check_world(Place(0, 2, "RANK and WORLD_SIZE"))


@pytest.mark.parametrize(
    ("environment", "source"),
    [
        ({}, "the environment, which states no rank"),
        (STEP, "SLURM_PROCID and SLURM_STEP_NUM_TASKS"),
        ({"SLURM_PROCID": "1", "SLURM_NPROCS": "4"}, "SLURM_PROCID and SLURM_NPROCS"),
        ({"PMI_RANK": "1", "PMI_SIZE": "2"}, "PMI_RANK and PMI_SIZE"),
    ],
)
def test_a_place_names_the_variables_that_it_comes_from(environment, source):
    assert place_in(environment).source == source


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"PMI_RANK": "1"}, (0, 1)),
        ({"OMPI_COMM_WORLD_SIZE": "4"}, (0, 1)),
        ({**FIRST, "SLURM_STEP_ID": str(0xFFFFFFF0)}, (0, 1)),
        ({**FIRST, "SLURM_STEP_ID": str(0xFFFFFFEF)}, (0, 4)),
        ({**FIRST, "SLURM_STEP_ID": "x"}, (0, 1)),
        ({"RANK": "999999999", "WORLD_SIZE": "1000000000"}, None),
        ({"RANK": "999999998", "WORLD_SIZE": "999999999"}, (999_999_998, 999_999_999)),
    ],
)
def test_the_limits_of_what_an_environment_states(environment, place):
    if place is None:
        with pytest.raises(UsageError, match="both must be integers"):
            place_in(environment)
    else:
        assert place_in(environment)[:2] == place
