"""Epochs read in a process of their own: the same batches, in shared memory, and no GIL in common.

The two processes talk over a socket, by multiprocessing's own pickling. The parent asks for each batch
as it takes the one before. An end of the socket that closes is the news of a death, on either side.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler, recv_handle, send_handle
from queue import SimpleQueue
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple, NoReturn

from wds_imagenet.errors import UsageError, WdsImagenetError
from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.epochs import Delivery, Epochs, Stretch
from wds_imagenet.reading.shared import Found, Images, Packed, Release, Segments
from wds_imagenet.reading.stats import Meter
from wds_imagenet.reading.threads import pool
from wds_imagenet.reading.torch import seed_torch
from wds_imagenet.stop import Stop

_HEARTBEAT: Final = 0.5  # seconds between looks at what sends no message: a death, a stop
_GRACE: Final = 5.0  # seconds to end in good order


class _Order(NamedTuple):
    """What the parent says."""

    what: Literal["begin", "more", "halt", "leave"]
    stretch: Stretch | None = None
    released: tuple[Release, ...] = ()


class _Given(NamedTuple):
    """A batch. The descriptors of the segments that it says are made follow."""

    samples: int
    packed: Packed
    skipped: tuple[str, ...]
    stats: dict[str, float]


class _Ended(NamedTuple):
    """The end of a stretch: its last message."""

    stats: dict[str, float]
    error: BaseException | None = None
    trace: str = ""


class _Warned(NamedTuple):
    text: str
    category: type[Warning]
    filename: str
    lineno: int


_Message = _Given | _Ended | _Warned | logging.LogRecord


class ReadingProcess:
    """Runs epochs as `Epochs` itself does, in a child process that is kept from one run to the next."""

    def __init__(self, epochs: Epochs) -> None:
        if not hasattr(os, "memfd_create"):
            raise UsageError("process=True needs Linux's shared memory: leave it out here")
        self._epochs: Final = epochs
        self._idle: Final[list[_Child]] = []
        self._closed = 0

    def run(self, stretch: Stretch, meter: Meter, stop: Stop) -> Generator[Delivery, None, None]:
        """Yield the batches of a stretch.

        Errors are raised as in one process, the child's traceback as their cause. Raises `WdsImagenetError` if
        the child dies, `UsageError` if the transform cannot be sent to it.
        """
        closed = self._closed
        idle = (self._idle.pop() for _ in range(len(self._idle)))
        child = next((one for one in idle if one.usable), None) or _Child(self._epochs)
        pin = self._epochs.recipe.pin_memory
        try:
            for samples, batch, skipped in child.run(stretch, meter, stop):
                yield Delivery(samples, batch.pin_memory() if pin else batch, skipped)
                del batch
        finally:
            if child.usable and not self._idle and closed == self._closed:
                self._idle.append(child)
            else:
                child.end()

    def close(self) -> None:
        """End the child; one that is at work ends with its run."""
        self._closed += 1
        while self._idle:
            self._idle.pop().end()


class _Child:
    """The parent's side of one child. It ends with its last reference, and at the interpreter's exit."""

    def __init__(self, epochs: Epochs) -> None:
        if multiprocessing.current_process().daemon:
            raise UsageError("a daemonic process may start no process: leave out process=True here")
        self._connection, self._process = _start(epochs)
        self._found: Final = Found()
        self._owner: Final = os.getpid()
        self.end: Final = weakref.finalize(self, _end, self._connection, self._process, self._owner)

    @property
    def usable(self) -> bool:
        """Whether it waits for a run of this process."""
        return self.end.alive and self._owner == os.getpid()

    def run(self, stretch: Stretch, meter: Meter, stop: Stop) -> Generator[Delivery, None, None]:
        """Yield the batches of a stretch. But for an error of the run's own, errors end the child."""
        try:
            self._say("begin", stretch)
            while isinstance(message := self._hear(meter, stop), _Given):
                self._say("more")
                delivery = Delivery(message.samples, self._found.unpack(message.packed), message.skipped)
                del message
                yield delivery
                del delivery
            ended = self._halt(meter) if message is None else message
        except GeneratorExit:
            self._halt(meter)
            raise
        except BaseException:  # half a message may have been read
            self.end()
            raise
        if ended is not None and ended.error is not None and not stop.is_set():
            raise ended.error from RuntimeError(f"in the loader's process:\n{ended.trace}")

    def _say(self, what: Literal["begin", "more", "halt"], stretch: Stretch | None = None) -> None:
        try:
            self._connection.send(_Order(what, stretch, tuple(self._found.released())))
        except OSError:
            self._report_death()

    def _hear(self, meter: Meter, stop: Stop, until: float = float("inf")) -> _Given | _Ended | None:
        """Return the next batch or the end; None if the stop is set or the time is up before one comes."""
        try:
            while True:
                while not self._connection.poll(_HEARTBEAT):
                    if stop.is_set() or time.monotonic() > until:
                        return None
                    if not self._process.is_alive() and not self._connection.poll():
                        self._report_death()
                message: _Message = self._connection.recv()
                if isinstance(message, _Given | _Ended):
                    break
                _pass_on(message)
            for number, size in message.packed.made if isinstance(message, _Given) else ():
                self._found.add(number, size, recv_handle(self._connection))
        except (EOFError, OSError):
            self._report_death()
        meter.add(**message.stats)
        return message

    def _halt(self, meter: Meter) -> _Ended | None:
        """Have the run ended, its requests cut short. Waits as long as Python code under way may, and kills it then."""
        if not self.usable:
            return None
        try:
            self._say("halt")
            until = time.monotonic() + _GRACE
            while isinstance(message := self._hear(meter, Stop(), until), _Given):
                self._found.unpack(message.packed)
        except WdsImagenetError:  # it has died, and nobody waits for it
            message = None
        if message is None:
            self.end()
        return message

    def _report_death(self) -> NoReturn:
        self._process.join(_GRACE)
        pid, code = self._process.pid, self._process.exitcode
        self.end()
        how = f"with exit code {code}: its traceback is above"
        if code is not None and code < 0:
            how = f"with exit code {code} ({signal.Signals(-code).name}): if that was for want of memory, "
            how += "use smaller batches, fewer lanes or a smaller prefetch_bytes"
        raise WdsImagenetError(
            f"the loader's process {pid} died {how}. Iterating again goes on in the next epoch, a state after "
            "the last batch"
        ) from None
