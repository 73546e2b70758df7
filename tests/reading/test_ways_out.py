"""No thread of an iteration remains, on any way out."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import traceback

import pytest

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.errors import UsageError
from wds_imagenet.storage import LocalStore, open_store


def ours():
    return [t.name for t in threading.enumerate() if t.name.startswith("wds-imagenet")]


@pytest.fixture(params=["disk", "obstore", "fsspec"])
def loader(request, small_shards):
    if request.param == "disk":
        return Loader(Dataset.open(str(small_shards)), RandomResizedCrop(8), 32, threads=2)
    url, bucket = request.getfixturevalue("s3_url"), LocalStore(small_shards)
    for info in bucket.list_objects():
        open_store(url).put(info.path, bucket.read(info.path).data)
    return Loader(url, RandomResizedCrop(8), 32, threads=2, storage_options={"engine": request.param})


@pytest.fixture(autouse=True)
def no_thread_remains():
    yield
    gc.collect()
    assert ours() == []


def test_at_the_end(loader):
    list(loader)
    assert ours() == []


def test_after_a_break(loader):
    for _ in loader:
        assert ours() != []
        break
    assert ours() == []


def test_after_an_exception_in_the_loop(loader):
    def train():
        with loader:
            for _ in loader:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert ours() == []


def test_when_the_loader_is_closed(loader):
    iteration = iter(loader)
    next(iteration)
    loader.close()
    assert ours() == []
    with pytest.raises(StopIteration):
        next(iteration)


def test_when_a_new_iteration_begins(loader):
    first = iter(loader)
    next(first)
    second = iter(loader)
    with pytest.raises(UsageError, match="another iteration of this Loader has begun"):
        next(first)
    assert len(list(second)) == len(loader)


def test_when_both_are_garbage(small_shards):
    loader = Loader(str(small_shards), RandomResizedCrop(8), 32)
    iteration = iter(loader)
    next(iteration)
    del loader, iteration
    assert ours() == []


def test_an_iteration_that_was_never_begun_starts_no_thread(loader):
    iter(loader)
    assert ours() == []


def test_a_forked_child_gets_an_error_and_can_iterate_anew(loader):
    iteration = iter(loader)
    next(iteration)
    child = os.fork()
    if not child:  # a failed assertion must not run pytest twice
        try:
            next(iteration)
        except UsageError as error:
            del iteration
            gc.collect()
            anew = Loader(loader.dataset, RandomResizedCrop(8), 32)
            os._exit(0 if "iterate anew" in str(error) and len(list(anew)) == len(anew) else 1)
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(iteration)) == len(loader) - 1


def test_ctrl_c_ends_the_process_at_once(small_shards):
    program = textwrap.dedent("""
        import sys
        from wds_imagenet import Loader, RandomResizedCrop
        while True:
            for batch in Loader(sys.argv[1], RandomResizedCrop(8), 32):
                print("batch", flush=True)
    """)
    command = [sys.executable, "-c", program, str(small_shards)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "batch\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT
    assert stderr.strip().endswith("KeyboardInterrupt")


ALL = """
    import collections, sys
    from torch.utils.data import DataLoader
    from wds_imagenet import Dataset, Loader, RandomResizedCrop
    from wds_imagenet.torch import IterableDataset
    url, crop = sys.argv[1], RandomResizedCrop(8)
    data = IterableDataset(url, crop, 16)
    collections.kept = [
        iter(Loader(url, crop, 16)),
        Loader(url, crop, 16).batches(0),
        iter(Loader(url, crop, 16, process=True)),
        Dataset.open(url).samples(),
        iter(data),
        iter(DataLoader(data, batch_size=None)),
        iter(DataLoader(data, batch_size=None, num_workers=1)),
    ]
    for iteration in collections.kept:
        next(iteration)
    print(len(collections.kept))
"""


def test_the_interpreters_end_is_quiet_with_iterations_under_way(small_shards):
    # A module keeps them longer than __main__ would: until the modules that they use are gone.
    program = [sys.executable, "-c", textwrap.dedent(ALL), str(small_shards)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "7\n", "")


def test_the_interpreters_end_does_not_wait_for_requests_under_way():
    program = """
        import sys, time
        from wds_imagenet import Dataset
        from wds_imagenet.util.cancel import current_token
        from wds_imagenet.util.threads import map_ahead
        def wait(number):
            return number and current_token().wait(60)
        kept = map_ahead(wait, range(9), threads=2, name="t")
        print(next(kept))
    """
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "0\n", "")
    assert time.monotonic() - began < 30
