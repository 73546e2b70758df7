"""The child's side of reading in a process of its own: what it is told, what it says, and how it ends."""

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
from typing import Final, Literal, NamedTuple, NoReturn, TextIO

from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.loader.batch import images_shape
from wds_imagenet.reading.loader.epochs import Epochs, Stretch
from wds_imagenet.reading.loader.stats import Meter
from wds_imagenet.reading.subprocess.shared_memory import Images, Packed, Release, Segments
from wds_imagenet.reading.torch import seed_torch
from wds_imagenet.util.cancel import CancelToken, use_token
from wds_imagenet.util.threads import thread_pool

_HEARTBEAT: Final = 0.5  # seconds between looks at the parent


class Order(NamedTuple):
    """What the parent says; and what memory it needs no longer."""

    what: Literal["begin", "more", "halt", "leave"]
    stretch: Stretch | None = None
    released: tuple[Release, ...] = ()


class Given(NamedTuple):
    """A batch. The descriptors of the segments that it says are made follow."""

    samples: int
    packed: Packed
    skipped: tuple[str, ...]
    stats: dict[str, float]


class Ended(NamedTuple):
    """The last message of a stretch."""

    stats: dict[str, float]
    error: BaseException | None = None
    trace: str = ""


class Warned(NamedTuple):
    """A warning, with the arguments of `warnings.warn_explicit`."""

    text: str
    category: type[Warning]
    filename: str
    lineno: int


Message = Given | Ended | Warned | logging.LogRecord


def serve(
    connection: Connection, parent: int, levels: dict[str, int], make: Callable[[Dataset], Epochs]
) -> None:
    """Run stretches until the parent says leave, or ends. Never returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        dataset = connection.recv()
    except (EOFError, ConnectionError):  # the parent has ended
        _leave(0)
    with thread_pool(1, "orders") as orders:
        try:
            desk = _Desk(connection, make(dataset), parent)
            desk.speak_up(levels)
            orders.submit(desk.listen)
            while True:
                desk.work(desk.runs.get())
        except BaseException:  # noqa: BLE001 - the thread that listens must not be waited for
            traceback.print_exc()
            _leave(1)


@dataclass(slots=True)
class _Run:
    stretch: Stretch
    token: CancelToken = field(default_factory=CancelToken)
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))
    """Batches that may be sent: one beyond those that the parent has taken."""


class _Desk:
    """One thread listens, the main one works and speaks."""

    def __init__(self, connection: Connection, epochs: Epochs, parent: int) -> None:
        self.runs: Final[SimpleQueue[_Run]] = SimpleQueue()
        self._connection: Final = connection
        self._epochs: Final = epochs
        self._parent: Final = parent
        self._segments: Final = Segments()
        shape = images_shape(epochs.recipe)
        self._images: Final = None if shape is None else Images(self._segments, shape)
        self._released: Final[SimpleQueue[Release]] = SimpleQueue()
        self._heard: Final[SimpleQueue[logging.LogRecord | Warned]] = SimpleQueue()

    def speak_up(self, levels: dict[str, int]) -> None:
        """From now on pass on log records of these levels and every warning, each before the next batch."""
        logging.getLogger().addHandler(QueueHandler(self._heard))
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        warnings.simplefilter("default")  # the parent's filters decide

        def showwarning(  # noqa: PLR0917 - as warnings calls it
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            del file, line

            self._heard.put(Warned(str(message), category, filename, lineno))

        warnings.showwarning = showwarning

    def listen(self) -> None:
        """Take orders. The last one, or the parent's end, ends this process, whatever is under way."""
        try:
            while (order := self._order()).what != "leave":
                for release in order.released:
                    self._released.put(release)
                if order.stretch is not None:
                    run = _Run(order.stretch)
                    self.runs.put(run)
                    continue
                if order.what == "halt":
                    run.token.cancel()
                run.asked.release()
        except (EOFError, ConnectionError):
            _leave(0)
        except BaseException:  # noqa: BLE001 - nobody asks this thread how it ended
            traceback.print_exc()
            _leave(1)
        _leave(0)

    def work(self, run: _Run) -> None:
        """Give a stretch's batches as they are asked for, then say that it has ended, and by which error."""
        epochs, stretch, meter = self._epochs, run.stretch, Meter()
        ended, cpu = Ended({}), time.process_time()
        seed_torch(epochs.recipe.seed, stretch.epoch, stretch.start, epochs.share.rank)
        try:
            self._take_back()
            with use_token(run.token), closing(epochs.run(stretch, meter, self._images)) as deliveries:
                for samples, batch, skipped in deliveries:
                    run.asked.acquire()
                    if run.token.cancelled:
                        break
                    self._take_back()
                    packed = self._segments.pack(batch)
                    cpu = _add_cpu(meter, cpu)
                    self._say(Given(samples, packed, skipped, meter.drain()))
                    del batch
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised in the parent
            ended = _failed(error)
        self._segments.take_back_drafts()
        _add_cpu(meter, cpu)
        self._say(ended._replace(stats=meter.drain()))

    def _order(self) -> Order:
        while not self._connection.poll(_HEARTBEAT):
            if os.getppid() != self._parent:  # which may have left our socket to a process forked from it
                raise EOFError
        order: Order = self._connection.recv()
        return order

    def _take_back(self) -> None:
        self._segments.take_back([self._released.get() for _ in range(self._released.qsize())])

    def _say(self, message: Message) -> None:
        try:
            for _ in range(self._heard.qsize()):
                self._connection.send(self._heard.get())
            self._connection.send(message)
            for _ in message.packed.made if isinstance(message, Given) else ():
                descriptor = self._segments.descriptors.popleft()
                send_handle(self._connection, descriptor, self._parent)
                os.close(descriptor)
        except OSError:  # the parent has ended
            _leave(1)


def _add_cpu(meter: Meter, before: float) -> float:
    """Add this process's CPU time since it was `before`, and return what it is now."""
    now = time.process_time()
    meter.add(process_cpu_seconds=now - before)
    return now


def _failed(error: BaseException) -> Ended:
    """Return the end by an error, or by one that tells of it if it cannot be pickled."""
    trace = "".join(traceback.format_exception(error))
    try:
        same = type(ForkingPickler.loads(ForkingPickler.dumps(error))) is type(error)
    except Exception:  # noqa: BLE001 - an exception's class decides what happens here
        same = False
    if not same:
        told = WdsImagenetError(f"{type(error).__qualname__}: {error}")
        told.__notes__ = getattr(error, "__notes__", [])
        return Ended({}, told, trace)
    return Ended({}, error, trace)


def _leave(code: int) -> NoReturn:
    """End this process at once: there is nothing to put in order but what was printed."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
