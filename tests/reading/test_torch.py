"""Torch's DataLoader and torch's ranks yield the same batches as the loader."""

import json
import logging
import os
import subprocess
import sys
import textwrap

import pytest
from torch.utils.data import DataLoader

from wds_imagenet import Loader, RandomResizedCrop
from wds_imagenet.torch import IterableDataset

CROP = RandomResizedCrop(8, flip=True)


def contents(batches):
    return [(batch.keys, batch.labels.tolist(), batch.images.numpy().tobytes()) for batch in batches]


def data_loader(dataset, workers, context="forkserver"):
    return DataLoader(
        dataset, batch_size=None, num_workers=workers, multiprocessing_context=context if workers else None
    )


@pytest.fixture
def epochs(small_shards):
    loader = Loader(str(small_shards), CROP, 48, threads=2)
    return [contents(loader.batches(epoch)) for epoch in range(2)]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_data_loader_gives_the_same_epochs_for_any_number_of_workers(small_shards, epochs, workers):
    dataset = IterableDataset(str(small_shards), CROP, 48, threads=1)
    loader = data_loader(dataset, workers)
    assert len(loader) == len(epochs[0])
    found = []
    for epoch in range(2):
        dataset.set_epoch(epoch)
        found.append(contents(loader))
    assert found == epochs


def test_an_epoch_that_was_left_early_does_not_mix_with_the_next(small_shards, epochs):
    dataset = IterableDataset(str(small_shards), CROP, 48, threads=1)
    loader = data_loader(dataset, 2)
    next(iter(loader))
    dataset.set_epoch(1)
    assert contents(loader) == epochs[1]


def test_a_state_at_the_end_of_an_epoch_continues_with_the_next(small_shards, epochs):
    dataset = IterableDataset(str(small_shards), CROP, 48)
    state = dataset.state_dict(len(dataset))
    dataset.load_state_dict(state)
    assert contents(dataset) == epochs[1]


def test_workers_may_be_forked(small_shards, epochs):
    loader = data_loader(IterableDataset(str(small_shards), CROP, 48, threads=1), 1, "fork")
    assert contents(loader) == epochs[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_state_continues_in_the_middle_of_an_epoch(small_shards, epochs, workers):
    first = IterableDataset(str(small_shards), CROP, 48, threads=1)
    first.set_epoch(1)
    state = json.loads(json.dumps(first.state_dict(batches=4)))
    second = IterableDataset(str(small_shards), CROP, 48, threads=1)
    second.load_state_dict(state)
    assert contents(data_loader(second, workers)) == epochs[1][4:]


def test_the_loader_can_load_the_data_sets_state(small_shards, epochs):
    dataset = IterableDataset(str(small_shards), CROP, 48)
    dataset.set_epoch(1)
    state = dataset.state_dict(batches=3)
    loader = Loader(str(small_shards), CROP, 48)
    loader.load_state_dict(state)
    assert contents(loader) == epochs[1][3:]


RANK = """
    import json, sys
    import torch, torch.distributed
    from wds_imagenet import Loader, RandomResizedCrop
    shards, rendezvous, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.distributed.init_process_group("gloo", init_method="file://" + rendezvous, rank=rank, world_size=2)
    keys = []
    loader = Loader(shards, RandomResizedCrop(8), 24, threads=1)
    assert (loader.rank, loader.world_size) == (rank, 2)
    for batch in loader:
        keys.append(sorted(key for key in batch.keys if key))
        seen = batch.mask.sum()
        torch.distributed.all_reduce(seen)
    print(json.dumps(keys))
    torch.distributed.destroy_process_group()
"""


def test_two_real_ranks_share_the_global_batches_and_end_together(small_shards, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(RANK), str(small_shards), str(tmp_path / "rendezvous")]
    ranks = [subprocess.Popen([*command, str(r)], stdout=subprocess.PIPE, text=True) for r in range(2)]
    zero, one = (json.loads(rank.communicate(timeout=60)[0]) for rank in ranks)
    alone = [
        sorted(key for key in batch.keys if key)
        for batch in Loader(str(small_shards), RandomResizedCrop(8), 48, threads=1)
    ]
    assert [sorted(a + b) for a, b in zip(zero, one, strict=True)] == alone


def test_the_rank_comes_from_the_environment(small_shards, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    loader = Loader(str(small_shards), CROP, 12)
    assert (loader.rank, loader.world_size) == (3, 4)
    monkeypatch.delenv("RANK")
    from wds_imagenet.errors import UsageError

    with pytest.raises(UsageError, match="WORLD_SIZE='4'"):
        Loader(str(small_shards), CROP, 12)


def test_without_torch_the_error_names_the_extra(small_shards, tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ModuleNotFoundError(name='torch')")
    program = (
        "import sys\n"
        "from wds_imagenet import Dataset, Loader, RandomResizedCrop\n"
        "assert len(Dataset.open(sys.argv[1])) == 500\n"
        "Loader(sys.argv[1], RandomResizedCrop(8), 4)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(small_shards)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "pip install 'wds-imagenet[torch]'" in result.stderr


def test_the_workers_of_a_data_loader_log_skipped_samples(one_bad, capfd, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a program that configures no logging
    dataset = IterableDataset(str(one_bad), RandomResizedCrop(8), 10, on_bad="skip")
    batches = list(DataLoader(dataset, batch_size=None, num_workers=1))
    assert sum(int(batch.mask.sum()) for batch in batches) == 99
    assert "1 sample of epoch 0 left out as bad: k0007" in capfd.readouterr().err
