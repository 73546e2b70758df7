"""The child's side of reading in a process of its own: what it is told, what it says, and how it ends."""

import logging
import os
import random
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler, send_handle
from queue import SimpleQueue
from typing import Any, Final, Literal, NamedTuple

from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.epochs import Epochs, Stretch
from wds_imagenet.reading.shared import Images, Packed, Release, Segments
from wds_imagenet.reading.stats import Meter
from wds_imagenet.reading.threads import pool
from wds_imagenet.reading.torch import seed_torch
from wds_imagenet.stop import Stop

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
    with pool(1, "orders") as orders:
        try:
            desk = _Desk(connection, make(connection.recv()), parent)
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
    stop: Stop = field(default_factory=Stop)
    asked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))
    """Batches that may be sent: one beyond those that the parent has taken."""


class _Desk:
    """One thread listens, the main one works."""

    def __init__(self, connection: Connection, epochs: Epochs, parent: int) -> None:
        self.runs: Final[SimpleQueue[_Run]] = SimpleQueue()
        self._connection: Final = connection
        self._speaking: Final = threading.Lock()
        self._epochs: Final = epochs
        self._parent: Final = parent
        self._released: Final[SimpleQueue[tuple[Release, ...]]] = SimpleQueue()
        self._segments: Final = Segments()
        shape = epochs.recipe.transform.shape ...
