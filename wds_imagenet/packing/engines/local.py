"""The engine of processes of this machine.

Not `concurrent.futures`: if the packing process is killed, its workers wait for ever; and if a worker is
killed, it cannot name the worker's task. Here each worker has a pipe to the parent. The end of a process
closes its pipe, which the other side notices.
"""

import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Final, Generic, NoReturn, Self, TypeVar, cast

from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.util.processes import (
    check_descriptors,
    check_socket_path,
    ctrl_c_blocked,
    exit_on_signal,
    hide_main_module,
    sigterm_cleans_up,
    usable_cpus,
)

Task = TypeVar("Task")
Result = TypeVar("Result")

_GRACE: Final = 3.0  # seconds for a worker to remove its temporary file
_HEARTBEAT: Final = 0.5  # seconds between a worker's looks at its parent
_PRELOAD: Final = "wds_imagenet.packing.publish.publisher"


class LocalEngine:
    """Runs tasks in processes of this machine; a single task, or a single worker, in this process."""

    def __init__(self, workers: int | None) -> None:
        self._workers: Final = workers or usable_cpus()

    def warm_up(self) -> None:
        """Start to import the workers' modules. Returns at once."""
        context = _context()
        if self._workers > 1 and context.get_start_method() == "forkserver":
            check_socket_path()
            with ctrl_c_blocked():
                forkserver.ensure_running()

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield `work(task)` for every task, as each ends, as `Engine.run` does.

        The error of a task has the worker's traceback as its cause. The error of a worker that was killed
        names the signal. If the parent is killed, its workers end within a second.
        """
        with sigterm_cleans_up():
            waiting = iter(tasks)
            first = list(islice(waiting, self._workers))
            if len(first) < 2:
                yield from map(work, chain(first, waiting))
            else:
                yield from _run_processes(work, first, waiting)


def _run_processes(
    work: Callable[[Task], Result], first: list[Task], waiting: Iterator[Task]
) -> Iterator[Result]:
    """Give each of the first tasks to a worker of its own, and the waiting ones to workers that are done."""
    context = _context()
    with _workers() as workers:
        workers.extend(_Worker.start(context, work) for _ in first)
        busy: dict[Connection, _Worker[Task, Result]] = {w.connection: w for w in workers}
        for worker, task in zip(workers, first, strict=True):
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
    """One process, and its current task."""

    def __init__(self, process: BaseProcess, connection: Connection) -> None:
        self.process = process
        self.connection = connection
        self.task: Task | None = None

    @classmethod
    def start(cls, context: Any, work: Callable[[Task], Result]) -> Self:  # noqa: ANN401 - has no common type
        check_descriptors()  # else the server prints its own traceback
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        with hide_main_module(), ctrl_c_blocked():
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
        name = getattr(self.task, "name", self.task)
        raise WdsImagenetError(
            f"the worker that built {name} died {how}. Finished shards are kept: run again to go on"
        ) from None


@contextmanager
def _workers() -> Iterator[list[_Worker[Any, Any]]]:
    """Yield a list, and end every worker in it at last: first by SIGTERM, so that temporary files go."""
    workers: list[_Worker[Any, Any]] = []
    try:
        yield workers
    finally:
        for worker in workers:
            worker.connection.close()
            worker.process.terminate()
        deadline = time.monotonic() + _GRACE
        for worker in workers:
            worker.process.join(max(0.0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
            worker.process.close()


def _serve(connection: Connection, work: Callable[[Task], Result]) -> None:
    """Run tasks until the pipe or the parent ends. An error of another package ends the worker."""
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
    exit_on_signal(number, frame)


def _context() -> Any:  # noqa: ANN401 - the contexts have no common type
    """Return a context whose processes inherit no threads, locks or clients."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOAD])
    return context
