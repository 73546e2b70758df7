"""Workers: what they return, how they fail, and that none is left behind."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import forkserver
from pathlib import Path
from types import SimpleNamespace

import pytest

from wds_imagenet.errors import ImageError, UnavailableError, WdsImagenetError
from wds_imagenet.packing.engines.local import behind, meanwhile, run, usable_cpus

Task = SimpleNamespace


# Work must be importable where it is done.
def square(number: int) -> int:
    return number * number


def process_id(_: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def modules(_: int) -> set[str]:
    return set(sys.modules)


def fail_at_three(number: int) -> int:
    if number == 3:
        error = ImageError("x.jpg: it is cut off")
        error.add_note("while reading x.jpg")
        raise error
    time.sleep(0.01)
    return number


def break_down(_: int) -> int:
    raise ZeroDivisionError("a bug")


def kill_itself(_: object) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def hold_a_file(path: Path) -> int:
    """Hold a temporary file until the end, whichever."""
    try:
        path.write_bytes(b"")
        time.sleep(60)
    finally:
        path.unlink()
    return 0


@pytest.fixture(autouse=True)
def nobody_is_left() -> Iterator[None]:
    threads = threading.active_count()
    yield
    assert multiprocessing.active_children() == []
    assert threading.active_count() == threads


@pytest.mark.parametrize("workers", [1, 2, 4, 20])
def test_every_task_is_done_once(workers: int) -> None:
    assert sorted(run(square, range(10), workers)) == [n * n for n in range(10)]


def test_no_tasks_are_done_at_once() -> None:
    assert list(run(square, [], 3)) == []


def test_one_worker_is_this_process() -> None:
    assert set(run(process_id, range(3), 1)) == {os.getpid()}


def test_several_workers_are_processes_of_their_own() -> None:
    ids = set(run(process_id, range(8), 2))
    assert len(ids) == 2
    assert os.getpid() not in ids


def test_a_worker_starts_without_torch() -> None:
    forkserver._forkserver._stop()  # another test's may run, which had been told to load more
    (found,) = run(modules, [0], 2)
    assert "wds_imagenet.packing.publish.upload" in found
    assert not found & {"torch", "obstore", "s3fs", "fsspec", "pyarrow", "click"}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_with_its_notes(workers: int) -> None:
    with pytest.raises(ImageError, match=r"x\.jpg: it is cut off") as caught:
        list(run(fail_at_three, range(100), workers))
    assert caught.value.__notes__ == ["while reading x.jpg"]


def test_an_error_of_a_worker_brings_its_traceback() -> None:
    with pytest.raises(ImageError) as caught:
        list(run(fail_at_three, range(100), 2))
    assert "in fail_at_three" in str(caught.value.__cause__)


def test_a_bug_in_a_worker_is_an_error() -> None:
    with pytest.raises(WdsImagenetError, match="died with exit code 1: its traceback is above"):
        list(run(break_down, range(3), 2))


def test_a_killed_worker_is_named_with_its_shard() -> None:
    with pytest.raises(WdsImagenetError, match=r"built x-000003\.tar died by SIGKILL: .* fewer workers"):
        list(run(kill_itself, [Task(name="x-000003.tar")], 2))


def test_leaving_early_lets_the_workers_clean_up(tmp_path: Path) -> None:
    began = time.monotonic()
    with closing(run(hold_or_pass, [None, tmp_path / "a", tmp_path / "b"], 3)) as results:
        assert next(results) == 0
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []
    assert time.monotonic() - began < 20


def clean_up_slowly(path: Path) -> int:
    """Take longer to clean up than a look at the parent, and be told again meanwhile."""
    try:
        path.write_bytes(b"")
        time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGALRM)
        path.unlink()
    return 0


def test_a_worker_that_is_told_twice_still_cleans_up(tmp_path: Path) -> None:
    with closing(run(pass_or_clean_up, [None, tmp_path / "a"], 2)) as results:
        assert next(results) == 0
        while not (tmp_path / "a").exists():
            time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []


def pass_or_clean_up(path: Path | None) -> int:
    return clean_up_slowly(path) if path else 0


def hold_or_pass(path: Path | None) -> int:
    return hold_a_file(path) if path else 0


def test_sigterm_unwinds_where_nobody_else_handles_it() -> None:
    def terminate(_: int) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    with pytest.raises(SystemExit) as caught:
        list(run(terminate, range(3), 1))
    assert caught.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_anothers_handler_of_sigterm_stays() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        results = run(lambda _: os.kill(os.getpid(), signal.SIGTERM), range(2), 1)
        assert len(list(results)) == len(seen) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_is_done_behind_is_done_in_order() -> None:
    done: list[int] = []
    with behind(done.append) as call:
        for number in range(20):
            call(number)
    assert done == list(range(20))


@pytest.mark.parametrize("last", [3, 9])
def test_an_error_behind_is_raised(last: int) -> None:
    def fail(number: int) -> None:
        if number == last:
            raise UnavailableError("gone")

    with pytest.raises(UnavailableError), behind(fail) as call:  # noqa: PT012 - the last one is raised at the end
        for number in range(10):
            call(number)


def test_what_is_done_meanwhile_is_done_again_and_again_until_the_end() -> None:
    thrice = threading.Semaphore(0)
    with meanwhile(thrice.release, 0.001):
        for _ in range(3):
            assert thrice.acquire(timeout=10)
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("meanwhile")]


def test_an_error_meanwhile_is_raised_at_the_end_but_not_in_place_of_another() -> None:
    called = threading.Event()

    def fail() -> None:
        called.set()
        raise UnavailableError("gone")

    with pytest.raises(UnavailableError), meanwhile(fail, 0.001):
        assert called.wait(10)
    with pytest.raises(KeyError), meanwhile(fail, 0.001):
        raise KeyError("mine")


def test_the_usable_cpus_are_those_of_this_process() -> None:
    assert usable_cpus() == len(os.sched_getaffinity(0))
