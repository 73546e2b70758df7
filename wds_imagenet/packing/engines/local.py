"""Processes and threads of this machine: the one file of packing that starts any.

Not `concurrent.futures`: when the packing process is killed, its workers wait for ever, and when a
worker is killed, it cannot say which shard that was. Here each worker has a pipe to the parent, and an
end of the pipe that closes is the news of a death, on either side.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Final, Generic, NoReturn, Self, TypeVar, cast

from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.util.processes import hide_main_module
from wds_imagenet.util.threads import map_ahead

Task = TypeVar("Task")
Result = TypeVar("Result")

_GRACE: Final = 3.0  # seconds for a worker to remove its temporary file
_HEARTBEAT: Final = 0.5  # seconds between a worker's looks at its parent
_PRELOAD: Final = "wds_imagenet.packing.publish.upload"


def usable_cpus() -> int:
    """Return how many CPUs this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def warm_up() -> None:
    """Let the workers' imports be under way while there is no work yet. Returns at once."""
    context = _context()
    if context.get_start_method() == "forkserver":
        forkserver.ensure_running()


def run(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Generator[Result, None, None]:
    """Yield `work(task)` for every task, in the order in which they are done.

    With one worker all happens in this process; with more, each is a process of its own, to which
    `work` and the tasks must be picklable. An error of this package in a worker is raised here, the
    worker's traceback as its cause; a worker that dies is a `WdsImagenetError` that names its signal.
    However the iteration ends, no worker outlives it by more than a few seconds; nor the parent, if
    that is killed.
    """
    with _termination_unwinds():
        if workers == 1:
            yield from map(work, tasks)
        else:
            yield from _run_processes(work, tasks, workers)


def run_threads(
    work: Callable[[Task], Result], tasks: Iterable[Task], threads: int
) -> Generator[Result, None, None]:
    """Yield `work(task)` for every task, in order, in threads of this process; as `map_ahead` does."""
    with _termination_unwinds():
        yield from map_ahead(work, tasks, threads=threads, name="pack")


@contextmanager
def behind(function: Callable[[Task], object]) -> Iterator[Callable[[Task], None]]:
    """Give a way to call a function in another thread: in order, one call under way at a time.

    A call waits for the one before, whose error it raises; the `with` ends when all are done.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="behind") as pool:
        under_way: list[Future[object]] = []

        def call(task: Task) -> None:
            if under_way:
                under_way.pop().result()
            under_way.append(pool.submit(function, task))

        yield call
        if under_way:
            under_way.pop().result()


@contextmanager
def meanwhile(function: Callable[[], object], seconds: float) -> Iterator[None]:
    """Call a function every so many seconds, in another thread, as long as the `with` lasts.

    An error of the function ends the calls, and is raised at the end.
    """
    done = threading.Event()

    def calls() -> None:
        while not done.wait(seconds):
            function()

    with ThreadPoolExecutor(1, thread_name_prefix="meanwhile") as pool:
        calling = pool.submit(calls)
        try:
            yield
        finally:
            done.set()
        calling.result()


def _run_processes(work: Callable[[Task], Result], tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    context = _context()
    waiting = iter(tasks)
    first = list(islice(waiting, workers))
    with _team() as team:
        team.extend(_Worker.start(context, work) for _ in first)
        busy: dict[Connection, _Worker[Task, Result]] = {w.connection: w for w in team}
        for worker, task in zip(team, first, strict=True):
            worker.give(task)
        while busy:
            for connection in wait(list(busy)):
                worker = busy.pop(cast("Connection", connection))
                result = worker.take()
                for task in islice(waiting, 1):
                    worker.give(task)
                    busy[worker.connection] = worker
                yield result


class _Worker(Generic[Task, Result]):
    """One process, and the task that it has in hand."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.task: Task | None = None

    @classmethod
    def start(cls, context: Any, work: Callable[[Task], Result]) -> Self:  # noqa: ANN401 - has no common type
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        with hide_main_module():
            process.start()
        theirs.close()
        return cls(process, ours)

    def give(self, task: Task) -> None:
        self.task = task
        try:
            self.connection.send(task)
        except BrokenPipeError:
            self._report_death()

    def take(self) -> Result:
        try:
            result, error, trace = self.connection.recv()
        except (EOFError, ConnectionResetError):
            self._report_death()
        if error is None:
            return cast("Result", result)
        raise error from RuntimeError(f"in worker {self.process.pid}:\n{trace}")

    def _report_death(self) -> NoReturn:
        self.process.join(_GRACE)
        code = self.process.exitcode
        how = f"with exit code {code}: its traceback is above"
        if code is not None and code < 0:
            how = f"by {signal.Signals(-code).name}: if that was for want of memory, use fewer workers"
        what = getattr(self.task, "name", self.task)
        raise WdsImagenetError(
            f"the worker that built {what} died {how}. Finished shards are kept: run again to go on"
        ) from None


@contextmanager
def _team() -> Iterator[list[_Worker[Any, Any]]]:
    """Dismiss whoever is in the list at the end: first politely, so that temporary files go."""
    team: list[_Worker[Any, Any]] = []
    try:
        yield team
    finally:
        for worker in team:
            worker.connection.close()
            worker.process.terminate()
        deadline = time.monotonic() + _GRACE
        for worker in team:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
            worker.process.close()


def _serve(connection: Connection, work: Callable[[Task], Result]) -> None:
    """Do tasks until the pipe or the parent ends. An error that is not ours ends the worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.signal(signal.SIGTERM, _end_worker)
    signal.signal(signal.SIGALRM, _look_for_parent)
    signal.setitimer(signal.ITIMER_REAL, _HEARTBEAT, _HEARTBEAT)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer = work(task), None, ""
        except WdsImagenetError as error:
            connection.send((None, error, "".join(traceback.format_exception(error))))
        else:
            connection.send(answer)


def _look_for_parent(number: int, frame: FrameType | None) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        _end_worker(number, frame)


def _end_worker(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    _unwind(number, frame)


def _unwind(number: int, _frame: FrameType | None) -> NoReturn:
    # Told again while temporary files go, as by a parent that was told too, it would leave them behind.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(128 + number)


@contextmanager
def _termination_unwinds() -> Iterator[None]:
    """Let SIGTERM end the process by way of every `finally`, where nobody else has a use for it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _context() -> Any:  # noqa: ANN401 - the contexts have no common type
    """Return a way to start processes that inherit no threads, locks or clients."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOAD])
    return context
