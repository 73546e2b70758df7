"""The child's side of a loader's process: it makes the batches that its parent asks for."""

import logging
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler, send_handle
from queue import SimpleQueue
from typing import Final, NoReturn, TextIO

from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.reading.batches.epochs import EpochRange, Epochs
from wds_imagenet.reading.batches.stats import Meter
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.subprocess.messages import (
    BatchMessage,
    Command,
    EndMessage,
    Message,
    WarningMessage,
)
from wds_imagenet.reading.subprocess.shared_memory import Release, Segments, SharedImagePool
from wds_imagenet.reading.tensors import seed_torch
from wds_imagenet.util.cancel import CancelToken, use_token
from wds_imagenet.util.threads import thread_pool

_HEARTBEAT: Final = 0.5  # seconds between looks at the parent


def serve(
    connection: Connection, parent: int, levels: dict[str, int], make: Callable[[Dataset], Epochs]
) -> None:
    """Make batches until the parent commands the exit, or ends itself. Never returns.

    Args:
        connection: the socket to the parent, whose first message is the data set.
        parent: the parent's process ID.
        levels: the parent's log levels, by logger.
        make: returns the epochs of the data set.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        dataset = connection.recv()
    except (EOFError, ConnectionError):  # the parent has ended
        _leave(0)
    with thread_pool(1, "commands") as commands:
        try:
            server = _BatchServer(connection, make(dataset), parent)
            server.forward_logs(levels)
            commands.submit(server.listen)
            while True:
                server.work(server.runs.get())
        except BaseException:  # noqa: BLE001 - the thread that listens must not be waited for
            traceback.print_exc()
            _leave(1)


@dataclass(slots=True)
class _Run:
    epoch_range: EpochRange
    token: CancelToken = field(default_factory=CancelToken)
    requested: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))
    """Batches that may be sent: one beyond those that the parent has taken."""


class _BatchServer:
    """One thread receives commands; the main thread makes batches and sends every message."""

    def __init__(self, connection: Connection, epochs: Epochs, parent: int) -> None:
        self.runs: Final[SimpleQueue[_Run]] = SimpleQueue()
        self._connection: Final = connection
        self._epochs: Final = epochs
        self._parent: Final = parent
        self._segments: Final = Segments()
        shape, dtype = epochs.spec.images_shape, epochs.spec.traits.dtype
        self._images: Final = None if shape is None else SharedImagePool(self._segments, shape, dtype)
        self._released: Final[SimpleQueue[Release]] = SimpleQueue()
        self._logged: Final[SimpleQueue[logging.LogRecord | WarningMessage]] = SimpleQueue()

    def forward_logs(self, levels: dict[str, int]) -> None:
        """From now on send log records of these levels, and every warning, before the next batch."""
        logging.getLogger().addHandler(QueueHandler(self._logged))
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        warnings.simplefilter("default")  # the parent's filters decide

        def showwarning(  # noqa: PLR0917 - the signature of the warnings module
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            del file, line

            self._logged.put(WarningMessage(str(message), category, filename, lineno))

        warnings.showwarning = showwarning

    def listen(self) -> None:
        """Receive commands. The exit command, or the parent's end, ends this process at once."""
        try:
            while (command := self._command()).name != "exit":
                for release in command.released:
                    self._released.put(release)
                if command.epoch_range is not None:
                    run = _Run(command.epoch_range)
                    self.runs.put(run)
                    continue
                if command.name == "cancel":
                    run.token.cancel()
                run.requested.release()
        except (EOFError, ConnectionError):
            _leave(0)
        except BaseException:  # noqa: BLE001 - no other thread sees this one's exception
            traceback.print_exc()
            _leave(1)
        _leave(0)

    def work(self, run: _Run) -> None:
        """Send a run's batches as they are requested, then its end or its error."""
        epochs, epoch_range, meter = self._epochs, run.epoch_range, Meter()
        end, cpu = EndMessage({}), time.process_time()
        seed_torch(epochs.spec.seed, epoch_range.epoch, epoch_range.start, epochs.rank_slice.rank)
        try:
            self._reuse_released()
            with use_token(run.token), closing(epochs.batches(epoch_range, meter, self._images)) as batches:
                for samples, batch, skipped in batches:
                    run.requested.acquire()
                    if run.token.cancelled:
                        break
                    self._reuse_released()
                    layout = self._segments.lay_out(batch)
                    cpu = _add_cpu(meter, cpu)
                    self._send(BatchMessage(samples, layout, skipped, meter.drain()))
                    del batch
        except BaseException as error:  # noqa: BLE001 - any error is raised again in the parent
            end = _end_by(error)
        self._segments.reuse_abandoned()
        _add_cpu(meter, cpu)
        self._send(end._replace(stats=meter.drain()))

    def _command(self) -> Command:
        while not self._connection.poll(_HEARTBEAT):
            if os.getppid() != self._parent:  # a process forked from the parent may keep our socket open
                raise EOFError
        command: Command = self._connection.recv()
        return command

    def _reuse_released(self) -> None:
        self._segments.reuse([self._released.get() for _ in range(self._released.qsize())])

    def _send(self, message: Message) -> None:
        try:
            for _ in range(self._logged.qsize()):
                self._connection.send(self._logged.get())
            self._connection.send(message)
            for _ in message.layout.made if isinstance(message, BatchMessage) else ():
                descriptor = self._segments.descriptors.popleft()
                send_handle(self._connection, descriptor, self._parent)
                os.close(descriptor)
        except OSError:  # the parent has ended
            _leave(1)


def _add_cpu(meter: Meter, before: float) -> float:
    """Add this process's CPU time since `before`, and return the present one."""
    now = time.process_time()
    meter.add(process_cpu_seconds=now - before)
    return now


def _end_by(error: BaseException) -> EndMessage:
    """Return the end by an error, or by a `WdsImagenetError` that quotes an error which cannot be pickled."""
    trace = "".join(traceback.format_exception(error))
    try:
        same = type(ForkingPickler.loads(ForkingPickler.dumps(error))) is type(error)
    except Exception:  # noqa: BLE001 - an exception's class decides what happens here
        same = False
    if same:
        return EndMessage({}, error, trace)
    quoted = WdsImagenetError(f"{type(error).__qualname__}: {error}")
    quoted.__notes__ = getattr(error, "__notes__", [])
    return EndMessage({}, quoted, trace)


def _leave(code: int) -> NoReturn:
    """End this process at once, whatever its threads do; only printed text is flushed."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
