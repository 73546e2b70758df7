"""The memory of batches is reused once no tensor uses it, and never before."""

import collections
import gc
import mmap
import os
import random
import re
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.reading import buffers as module
from wds_imagenet.reading.buffers import Buffers
from wds_imagenet.reading.tensors import ImagePool

SHAPE = (4, 8, 8, 3)


@pytest.fixture
def pool():
    return ImagePool(SHAPE, np.dtype(np.uint8), pin=False)


def address(memory):
    return memory.array.__array_interface__["data"][0]


def test_memory_is_used_again_when_its_tensor_is_gone(pool):
    memory = pool.take()
    where = address(memory)
    del memory
    assert address(pool.take()) == where


@pytest.mark.parametrize(
    "keep",
    [
        lambda m: m.tensor,
        lambda m: m.tensor.permute(0, 3, 1, 2)[1:],
        lambda m: m.tensor.permute(0, 3, 1, 2).numpy()[0],
        lambda m: m.array[2, :1],
        lambda m: memoryview(m.array),
        lambda m: torch.utils.data.default_collate([m.tensor])[0].new_tensor(0).data_ptr() and m.tensor[0, 0],
    ],
)
def test_every_view_keeps_the_memory(pool, keep):
    memory = pool.take()
    where = address(memory)
    kept = keep(memory)
    del memory
    gc.collect()
    others = [pool.take() for _ in range(6)]
    assert where not in [address(other) for other in others]
    del kept
    gc.collect()
    assert address(pool.take()) == where


def test_tensor_and_array_are_the_same_memory(pool):
    memory = pool.take()
    memory.array[...] = np.arange(memory.array.size, dtype=np.uint8).reshape(SHAPE)
    assert memory.tensor.tolist() == memory.array.tolist()
    assert memory.tensor.dtype == torch.uint8


@pytest.mark.parametrize(("mebibytes", "kept"), [(40, 4), (2, 64)])
def test_four_pieces_of_memory_wait_or_as_many_as_may(mebibytes, kept):
    buffers = Buffers(128 << 20)
    many = [buffers.take(mebibytes << 20) for _ in range(kept + 5)]  # never touched, so it costs nothing
    del many
    gc.collect()
    assert len(buffers) == kept
    buffers.clear()
    assert not len(buffers)


def test_memory_does_not_grow_with_the_time(monkeypatch):
    mapped = weakref.WeakSet()

    def counted(*arguments, **options):
        memory = mmap.mmap(*arguments, **options)
        mapped.add(memory)
        return memory

    monkeypatch.setattr(module, "mmap", counted)
    buffers, draw, lent, most = Buffers(1 << 30), random.Random(0), [], 0
    for _ in range(3000):
        lent.append(buffers.take(draw.randrange(1 << 18, 1 << 22)))
        most = max(most, sum(array.size for array in lent))
        if len(lent) > 40:
            del lent[draw.randrange(len(lent))]
    assert sum(map(len, mapped)) < 1.25 * most


def test_a_child_that_is_forked_while_a_thread_takes_memory_can_take_some():
    buffers = Buffers()
    with ThreadPoolExecutor(1) as other:
        other.submit(buffers._lock.acquire).result()
        child = os.fork()
        if not child:
            os._exit(buffers.take(5).size)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5


def test_free_memory_may_be_released_while_memory_is_taken():
    buffers = Buffers(1 << 30)
    lent = [buffers.take(1 << 18) for _ in range(9)]
    with buffers._lock:  # as a signal's handler finds it
        del lent
        gc.collect()
        buffers.clear()
    assert not len(buffers)
    assert buffers.take(1 << 18).size == 1 << 18
    assert buffers._lent == buffers._requested == 1 << 18


def test_memory_that_cannot_be_had_is_not_counted():
    buffers = Buffers()
    with pytest.raises((OSError, OverflowError, MemoryError)):
        buffers.take(1 << 62)
    assert buffers._lent == buffers._requested == buffers._most_requested == 0


ROLLUP = Path("/proc/self/smaps_rollup")


@pytest.mark.skipif(not ROLLUP.exists(), reason="only Linux reports how much memory is in use")
def test_a_closed_loader_keeps_no_memory_of_blocks(photo_shards):
    def in_use():
        found = re.search(r"^Anonymous: +([0-9]+) kB$", ROLLUP.read_text(), re.MULTILINE)
        return int(found[1]) << 10

    dataset = Dataset.open(str(photo_shards))
    with Loader(dataset, RandomResizedCrop(32), 64) as loader:
        collections.deque(loader, maxlen=0)
        gc.collect()
        between_epochs = in_use()
    gc.collect()
    assert between_epochs - in_use() > 0.55 * sum(shard.size for shard in dataset.manifest.shards)


def test_writes_of_a_forked_child_stay_in_the_child():
    memory = Buffers().take(64)
    memory[:] = 1
    child = os.fork()
    if not child:
        memory[:] = 2
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert memory.tolist() == [1] * 64


def test_threads_never_get_the_same_memory(pool):
    seen, clash = set(), []

    def work():
        for _ in range(500):
            memory = pool.take()
            where = address(memory)
            if where in seen:
                clash.append(where)
            seen.add(where)
            seen.discard(where)
            del memory

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not clash
