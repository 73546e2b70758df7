"""Workers return results in order, report failures, and leave no process behind."""

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

from wds_imagenet.errors import ImageError, UsageError, WdsImagenetError
from wds_imagenet.packing.engines.local import LocalEngine
from wds_imagenet.packing.engines.registry import ENGINES, open_engine
from wds_imagenet.packing.engines.threads import ThreadEngine

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
    assert sorted(LocalEngine(workers).run(square, range(10))) == [n * n for n in range(10)]


def test_no_tasks_are_done_at_once() -> None:
    assert list(LocalEngine(3).run(square, [])) == []


def test_one_worker_is_this_process() -> None:
    assert set(LocalEngine(1).run(process_id, range(3))) == {os.getpid()}


def test_several_workers_are_processes_of_their_own() -> None:
    ids = set(LocalEngine(2).run(process_id, range(8)))
    assert len(ids) == 2
    assert os.getpid() not in ids


def test_a_worker_starts_without_torch() -> None:
    forkserver._forkserver._stop()  # a fork server of another test may run, with more modules preloaded
    found, *_ = LocalEngine(2).run(modules, [0, 1])
    assert "wds_imagenet.packing.publish.publisher" in found
    assert not found & {"torch", "obstore", "s3fs", "fsspec", "pyarrow", "click"}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_with_its_notes(workers: int) -> None:
    with pytest.raises(ImageError, match=r"x\.jpg: it is cut off") as caught:
        list(LocalEngine(workers).run(fail_at_three, range(100)))
    assert caught.value.__notes__ == ["while reading x.jpg"]


def test_an_error_of_a_worker_brings_its_traceback() -> None:
    with pytest.raises(ImageError) as caught:
        list(LocalEngine(2).run(fail_at_three, range(100)))
    assert "in fail_at_three" in str(caught.value.__cause__)


def test_a_bug_in_a_worker_is_an_error() -> None:
    with pytest.raises(WdsImagenetError, match="died with exit code 1: its traceback is above"):
        list(LocalEngine(2).run(break_down, range(3)))


def test_a_killed_worker_is_named_with_its_shard() -> None:
    with pytest.raises(WdsImagenetError, match=r"built x-00000[34]\.tar died by SIGKILL: .* fewer workers"):
        list(LocalEngine(2).run(kill_itself, [Task(name="x-000003.tar"), Task(name="x-000004.tar")]))


def test_leaving_early_lets_the_workers_clean_up(tmp_path: Path) -> None:
    began = time.monotonic()
    with closing(LocalEngine(3).run(hold_or_pass, [None, tmp_path / "a", tmp_path / "b"])) as results:
        assert next(results) == 0
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
    assert list(tmp_path.iterdir()) == []
    assert time.monotonic() - began < 20


def clean_up_slowly(path: Path) -> int:
    """Clean up slowly, and receive a second signal meanwhile."""
    try:
        path.write_bytes(b"")
        time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGALRM)
        path.unlink()
    return 0


def test_a_worker_that_is_stopped_twice_still_cleans_up(tmp_path: Path) -> None:
    with closing(LocalEngine(2).run(pass_or_clean_up, [None, tmp_path / "a"])) as results:
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
        list(LocalEngine(1).run(terminate, range(3)))
    assert caught.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_foreign_sigterm_handler_stays() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        results = LocalEngine(1).run(lambda _: os.kill(os.getpid(), signal.SIGTERM), range(2))
        assert len(list(results)) == len(seen) == 2
    finally:
        signal.signal(signal.SIGTERM, before)


def test_threads_are_those_of_this_process_and_keep_the_order() -> None:
    assert set(ThreadEngine(3).run(process_id, range(6))) == {os.getpid()}
    assert list(ThreadEngine(3).run(square, range(50))) == [n * n for n in range(50)]


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_does_all_tasks_and_stops_when_it_is_closed(name: str, tmp_path: Path) -> None:
    engine = open_engine(2, name=name)
    engine.warm_up()
    assert sorted(engine.run(square, range(10))) == [n * n for n in range(10)]
    with closing(engine.run(hold_or_pass, [None, tmp_path / "a"])) as results:
        assert next(results) == 0
    assert list(tmp_path.iterdir()) == []


def test_tasks_that_only_this_process_can_do_are_done_in_it() -> None:
    assert set(open_engine(4, "caller").run(process_id, range(3))) == {os.getpid()}
    assert set(open_engine(4, "threads").run(process_id, range(3))) == {os.getpid()}


def test_an_unknown_engine_and_too_few_workers_are_mistakes() -> None:
    with pytest.raises(UsageError, match=r"there is no engine 'locla' .*did you mean 'local'"):
        open_engine(1, name="locla")
    with pytest.raises(UsageError, match="at least one worker, not 0"):
        open_engine(0)
