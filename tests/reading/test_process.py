"""A loader in a child process yields the same batches, and leaves nothing behind."""

import contextlib
import gc
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed

from wds_imagenet import Dataset, Decode, Loader, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.errors import ImageError, StoreError, UsageError, WdsImagenetError
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing

CROP = RandomResizedCrop(8, flip=True)

TRANSFORMS = """
    import logging, os, time, warnings
    import numpy as np

    def drawn(sample):
        return np.array([sample.label, sample.rng.uniform(), os.getpid() > 0], np.float64)

    def wide(sample):
        return np.full((3, 40, 40), sample.label, np.float32)

    def failing(sample):
        error = KeyError("tench")
        error.add_note("it swam away")
        raise error

    class Odd(Exception):
        def __init__(self, first, second):
            super().__init__(first)

    def unpicklable(sample):
        raise Odd("one", "two")

    def talking(sample):
        if sample.label == 0:
            logging.getLogger("fish").warning("label %d", sample.label)
            logging.getLogger("fish").info("not to be heard")
            warnings.warn("deep water", UserWarning)
        return np.zeros(1)

    def slow(sample):
        time.sleep(60)
"""


@pytest.fixture(scope="module")
def transforms(tmp_path_factory):
    """A module that the child can import, as it can those of a training program."""
    folder = tmp_path_factory.mktemp("transforms")
    (folder / "transforms_of_the_tests.py").write_text(textwrap.dedent(TRANSFORMS))
    sys.path.insert(0, str(folder))
    import transforms_of_the_tests

    yield transforms_of_the_tests
    sys.path.remove(str(folder))


@pytest.fixture(autouse=True)
def no_process_remains():
    yield
    gc.collect()
    assert loaders_of(os.getpid()) == []


def parents():
    """Yield every process that lives, with its parent."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(folder.name), int(parent)


def children_of(pid):
    return [child for child, parent in parents() if parent == pid]


def loaders_of(pid):
    """Return the children of a process that are loaders, without Python's resource tracker."""
    found = []
    for child in children_of(pid):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{child}/cmdline").read_text()
            found += [child] * ("spawn_main" in command)
    return found


def pack(paths, folder):
    listing = Listing([Reference(p.stem, str(p), 0, p.stat().st_size, p.name, 1) for p in paths])
    pack_listing(listing, folder, PackOptions("small"), workers=1)


def wait_until(fact, seconds=20):
    """Wait for a condition, and fail if it does not come true."""
    until = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.02)


def contents(batch):
    """All of a batch as comparable values, its memory's layout included."""
    images = batch.images if isinstance(batch.images, list) else [batch.images]
    soft = None if batch.soft_labels is None else batch.soft_labels.tolist()
    pixels = [(i.dtype, tuple(i.shape), i.stride(), i.contiguous().numpy().tobytes()) for i in images]
    labels = (batch.labels.dtype, batch.labels.tolist(), batch.mask.dtype, batch.mask.tolist())
    return type(batch.images), pixels, labels, batch.keys, batch.captions, batch.json, soft


def both(dataset, transform, size, **options):
    options = {"threads": 2, **options}
    return (Loader(dataset, transform, size, process=process, **options) for process in (False, True))


def assert_alike(dataset, transform, size, epochs=1, **options):
    here, there = both(dataset, transform, size, **options)
    with there:
        assert len(here) == len(there)
        for _ in range(epochs):
            for one, other in zip(here, there, strict=True):
                assert contents(one) == contents(other)
                assert here.state_dict() == there.state_dict()
        assert vars_of(here.stats()) == vars_of(there.stats())


def vars_of(stats):
    return (stats.samples, stats.batches, stats.skipped, stats.blocks, stats.bytes)


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 3, "with_json": True},
        {"shuffle": False},
        {"last": "drop", "seed": 7, "epoch": 5},
        {"rank": 1, "world_size": 4, "with_captions": True},
        {"lanes": 12, "prefetch_bytes": 0, "threads": 1},
    ],
    ids=str,
)
def test_the_batches_states_and_counts_are_those_of_one_process(small_shards, options):
    assert_alike(str(small_shards), CROP, 48, **options)


@pytest.mark.parametrize("transform", [ResizeCenterCrop(64, 48), Decode()], ids=repr)
def test_photos_have_the_same_pixels_also_as_a_list_of_all_sizes(photo_paths, tmp_path, transform):
    pack(photo_paths[:70], str(tmp_path / "photos"))
    assert_alike(Dataset.open(str(tmp_path / "photos")), transform, 16)


@pytest.mark.parametrize("name", ["drawn", "wide"])
def test_a_transform_of_the_users_own_is_the_same(small_shards, transforms, name):
    assert_alike(str(small_shards), getattr(transforms, name), 48)


def test_a_state_is_continued_by_either(small_shards):
    here, there = both(str(small_shards), CROP, 48)
    with there:
        whole = [contents(batch) for batch in here]
        for done in (1, 5, 10):
            states = []
            for one in (here, there):
                one.set_epoch(0)
                iteration = iter(one)
                for _ in range(done):
                    next(iteration)
                states.append(json.loads(json.dumps(one.state_dict())))
            assert states[0] == states[1]
            for one in (here, there):
                one.load_state_dict(states[0])
                assert [contents(batch) for batch in one] == whole[done:]


def test_batches_of_any_epoch_come_while_another_is_under_way(small_shards):
    here, there = both(str(small_shards), CROP, 48)
    with there:
        iteration = iter(there)
        next(iteration)
        theirs = [contents(batch) for batch in there.batches(3, every=2, first=1)]
        assert theirs == [contents(batch) for batch in here.batches(3, every=2, first=1)]
        assert len(list(iteration)) == len(there) - 1
        assert len(loaders_of(os.getpid())) == 1


def test_skipped_samples_are_masked_counted_logged_and_in_the_state(one_bad, caplog):
    assert_alike(str(one_bad), CROP, 10, on_bad="skip")
    expected = "1 sample of epoch 0 left out as bad: k0007"
    assert [record.message for record in caplog.records] == [expected, expected]


def test_an_error_comes_with_its_class_notes_and_traceback(one_bad):
    with Loader(str(one_bad), CROP, 10, process=True) as loader:
        with pytest.raises(ImageError) as caught:
            list(loader)
        notes = " ".join(caught.value.__notes__)
        assert "k0007" in notes
        assert "small-train-000000.tar, bytes" in notes
        assert "in fill" in str(caught.value.__cause__)
        assert loader.epoch == 0
        assert loaders_of(os.getpid()) != []  # and the process is there for the next try


def test_an_error_of_the_transform_is_its_own_class(small_shards, transforms):
    with (
        Loader(str(small_shards), transforms.failing, 10, process=True) as loader,
        pytest.raises(KeyError, match="tench") as caught,
    ):
        next(iter(loader))
    assert caught.value.__notes__[0] == "it swam away"
    assert "in the transform of sample" in caught.value.__notes__[1]


def test_an_error_that_cannot_be_pickled_is_described(small_shards, transforms):
    with (
        Loader(str(small_shards), transforms.unpicklable, 10, process=True) as loader,
        pytest.raises(WdsImagenetError, match="Odd: one") as caught,
    ):
        next(iter(loader))
    assert "in the transform of sample" in caught.value.__notes__[0]


def test_log_records_and_warnings_arrive(small_shards, transforms, caplog):
    with (
        Loader(str(small_shards), transforms.talking, 100, shuffle=False, process=True) as loader,
        pytest.warns(UserWarning, match="deep water"),
    ):
        list(loader)
    assert [(r.name, r.message, r.levelno) for r in caplog.records] == [("fish", "label 0", logging.WARNING)]


def test_storage_options_and_the_environment_travel(s3_server, s3_url, small_paths, monkeypatch):
    pack(small_paths[:50], s3_url)
    assert_alike(s3_url, CROP, 10)
    environment = s3_server.environment()
    for name in environment:
        monkeypatch.delenv(name)
    endpoint = environment.get("AWS_ENDPOINT_URL") or environment["AWS_ENDPOINT_URL_S3"]
    keys = {"key": environment["AWS_ACCESS_KEY_ID"], "secret": environment["AWS_SECRET_ACCESS_KEY"]}
    assert_alike(s3_url, CROP, 10, storage_options={"endpoint_url": endpoint, **keys})


def test_a_data_set_that_is_gone_is_the_stores_error(small_paths, tmp_path):
    pack(small_paths[:50], str(tmp_path / "gone"))
    with Loader(str(tmp_path / "gone"), CROP, 10, process=True) as loader:
        for shard in (tmp_path / "gone").glob("*.tar"):
            shard.unlink()
        with pytest.raises(StoreError, match="gone"):
            next(iter(loader))


def test_the_rank_of_torch_is_read_in_the_parent(small_shards, tmp_path):
    rendezvous = f"file://{tmp_path}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=0, world_size=1)
    try:
        assert_alike(str(small_shards), CROP, 48)
    finally:
        torch.distributed.destroy_process_group()


def test_a_transform_that_cannot_be_pickled_is_a_usage_error(small_shards):
    with (
        Loader(str(small_shards), lambda sample: sample.image, 10, process=True) as loader,
        pytest.raises(UsageError, match=r"cannot be pickled .*top level of a module"),
    ):
        next(iter(loader))


# The memory


def test_a_kept_batch_is_never_overwritten_whatever_is_kept_of_it(small_shards):
    here, there = both(str(small_shards), CROP, 8)
    with there:
        kept = [(batch, batch.images[2:, 1], batch.images.numpy()[3]) for batch in there]
        whole = list(here)
        assert whole
        for batch, (all_of_it, tensor, array) in zip(whole, kept, strict=True):
            assert contents(batch) == contents(all_of_it)
            assert torch.equal(tensor, batch.images[2:, 1])
            assert np.array_equal(array, batch.images.numpy()[3])


def test_kept_batches_outlive_the_loader_and_can_be_written(small_shards):
    with Loader(str(small_shards), CROP, 48, process=True) as loader:
        batch = next(iter(loader))
    before = batch.images.clone()
    batch.images.add_(1)
    batch.labels.add_(1)
    assert torch.equal(batch.images, before + 1)


def segments(pid="self"):
    """Return the memory that a process shares with its loader: the inode and the name of each mapping."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split()[4]: line.split()[5] for line in lines if "wds-imagenet" in line and "rw-s" in line}


def descriptors_of(pid):
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_memory_is_used_again_and_labels_do_not_keep_it(small_shards):
    gc.collect()
    before = segments()
    labels = []
    with Loader(str(small_shards), CROP, 8, process=True) as loader:
        for _ in range(3):
            labels += [batch.labels for batch in loader]
        assert len(labels) == 3 * len(loader)
        for _ in range(12):
            next(iter(loader))  # what was being filled is abandoned
        assert 0 < len(set(segments()) - set(before)) <= 10


def test_memory_has_no_name_and_no_descriptor(small_shards):
    descriptors = descriptors_of("self")
    with Loader(str(small_shards), CROP, 2, process=True) as loader:
        kept = list(loader)
        (child,) = loaders_of(os.getpid())
        assert len(kept) == len(segments()) == 250
        for pid in ("self", child):
            assert set(segments(pid).values()) == {"/memfd:wds-imagenet"}
            assert "shm/" not in Path(f"/proc/{pid}/maps").read_text()
        assert descriptors_of("self") < descriptors + 10
        assert descriptors_of(child) < 40
        del kept
        list(loader)
        wait_until(lambda: next(iter(loader)) and len(segments()) < 20)


def test_a_forked_process_keeps_what_it_has_of_a_batch(small_shards):
    with Loader(str(small_shards), CROP, 8, process=True) as loader:
        iteration = iter(loader)
        batch = next(iteration)
        before = batch.images.clone()
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.read(reading, 1)
            os._exit(0 if torch.equal(batch.images, before) else 1)
        del batch
        assert len(list(iteration)) == len(loader) - 1
        os.write(writing, b"!")
        assert os.waitpid(child, 0)[1] == 0


# The ways out


def test_the_process_is_started_late_kept_over_epochs_and_ended_by_close(small_shards):
    loader = Loader(str(small_shards), CROP, 48, process=True)
    iteration = iter(loader)
    assert loaders_of(os.getpid()) == []
    next(iteration)
    first = loaders_of(os.getpid())
    assert len(first) == 1
    for _ in range(3):
        list(loader)
        for _ in loader:
            break
        loader.set_epoch(0)
        loader.load_state_dict(loader.state_dict())
        assert loaders_of(os.getpid()) == first
    loader.close()
    assert loaders_of(os.getpid()) == []
    assert len(list(loader)) == len(loader)  # iterating again is allowed
    loader.close()


def test_an_exception_in_the_loop_ends_it(small_shards):
    def train():
        with Loader(str(small_shards), CROP, 48, process=True) as loader:
            for _ in loader:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert loaders_of(os.getpid()) == []


def test_garbage_ends_it(small_shards):
    iteration = iter(Loader(str(small_shards), CROP, 48, process=True))
    next(iteration)
    del iteration
    assert loaders_of(os.getpid()) == []


def test_garbage_in_a_cycle_ends_it(small_shards):
    loader = Loader(str(small_shards), CROP, 48, process=True)
    loader.__dict__["itself"] = loader, iter(loader)
    next(loader.__dict__["itself"][1])
    del loader
    gc.collect()
    assert loaders_of(os.getpid()) == []


def test_close_from_another_thread_ends_a_wait(small_shards, transforms, monkeypatch):
    monkeypatch.setattr("wds_imagenet.reading.subprocess.parent._GRACE", 0.5)
    loader = Loader(str(small_shards), transforms.slow, 10, process=True)
    closer = threading.Timer(2, loader.close)
    with contextlib.ExitStack() as stack:
        closer.start()
        stack.callback(closer.join)
        assert list(loader) == []
    assert loaders_of(os.getpid()) == []


def test_no_thread_of_ours_runs_in_the_parent(small_shards):
    with Loader(str(small_shards), CROP, 48, process=True) as loader:
        threads = [[t.name for t in threading.enumerate()] for _ in loader]
    assert threads
    assert not [name for names in threads for name in names if name.startswith("wds-imagenet")]


@pytest.mark.parametrize("waiting", [True, False])
def test_a_child_that_is_killed_is_an_error_with_its_exit_code(small_shards, waiting):
    loader = Loader(str(small_shards), CROP, 48, process=True)
    iteration = iter(loader)
    first = next(iteration)
    (child,) = loaders_of(os.getpid())
    if waiting:  # so that the news comes while it waits for a batch
        os.kill(child, signal.SIGSTOP)
        threading.Timer(0.5, os.kill, (child, signal.SIGKILL)).start()
    else:
        os.kill(child, signal.SIGKILL)
    with pytest.raises(WdsImagenetError, match=r"process \d+ died with exit code -9: that is SIGKILL"):
        list(iteration)
    state = loader.state_dict()
    loader.load_state_dict(state)
    rest = [batch.keys for batch in loader]  # in a new process
    assert first.keys not in rest
    assert 0 < len(rest) < len(loader)
    loader.close()


def program(text, *arguments):
    """Start a training program of its own process group."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


TRAIN = """
    import sys
    from wds_imagenet import Loader, RandomResizedCrop
    loader = Loader(sys.argv[1], RandomResizedCrop(8), 32, process=True)
    while True:
        for batch in loader:
            print("batch", flush=True)
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_its_parent(small_shards, ending):
    with program(TRAIN, small_shards) as process:
        assert process.stdout.readline() == "batch\n"
        children = children_of(process.pid)
        assert loaders_of(process.pid) != []
        if ending == signal.SIGINT:  # as Ctrl-C does, to the whole group
            os.killpg(process.pid, ending)
        else:
            process.send_signal(ending)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == -ending
    wait_until(lambda: not {pid for pid, _ in parents()} & set(children))
    assert stderr.count("Traceback") == (ending == signal.SIGINT)


def test_ctrl_c_while_the_process_is_starting_is_quiet(small_shards):
    with program(TRAIN, small_shards) as process:
        wait_until(lambda: loaders_of(process.pid))
        children = children_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=20)
    assert process.returncode == -signal.SIGINT
    assert stderr.count("Traceback") == 1
    wait_until(lambda: not {pid for pid, _ in parents()} & set(children))


def test_no_process_outlives_a_killed_parent_though_a_fork_has_its_socket(small_shards):
    forking = TRAIN.replace("while True:", "next(iter(loader)), os.fork() or time.sleep(60)\n    while True:")
    with program(forking.replace("import sys", "import os, sys, time"), small_shards) as process:
        assert process.stdout.readline() == "batch\n"
        children, loaders = children_of(process.pid), loaders_of(process.pid)
        process.kill()
        process.wait()
        wait_until(lambda: not {pid for pid, _ in parents()} & set(loaders))
        for child in set(children) - set(loaders):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def test_the_end_of_the_interpreter_in_the_midst_of_an_epoch_is_quiet(small_shards):
    with program(
        TRAIN.partition("while True")[0] + "iteration = iter(loader)\n    print(len(next(iteration)))\n",
        small_shards,
    ) as process:
        stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout, stderr) == (0, "32\n", "")


def test_a_forked_child_gets_an_error_and_can_iterate_anew(small_shards):
    with Loader(str(small_shards), CROP, 48, process=True) as loader:
        iteration = iter(loader)
        next(iteration)
        child = os.fork()
        if not child:  # a failed assertion must not run pytest twice
            try:
                next(iteration)
            except UsageError:
                anew = len(list(loader)) == len(loader)
                loader.close()
                os._exit(0 if anew else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert len(list(iteration)) == len(loader) - 1
