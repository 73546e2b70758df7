"""Epochs read in a process of their own: the same batches, in shared memory, and no GIL in common.

The two processes talk over a socket, by multiprocessing's own pickling. The parent asks for each batch
as it takes the one before. An end of the socket that closes is the news of a death, on either side.
"""

import logging
import math
import multiprocessing
import os
import signal
import time
import warnings
import weakref
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import recv_handle
from typing import Final, Literal, NoReturn

from wds_imagenet.errors import UsageError, WdsImagenetError
from wds_imagenet.images.transforms import Decode, RandomResizedCrop, ResizeCenterCrop
from wds_imagenet.reading.loader.epochs import Delivery, Epochs, Stretch
from wds_imagenet.reading.loader.stats import Meter
from wds_imagenet.reading.subprocess.child import Ended, Given, Message, Order, Warned, serve
from wds_imagenet.reading.subprocess.shared_memory import Found
from wds_imagenet.util.cancel import CancelToken, current_token
from wds_imagenet.util.processes import hide_main_module

_HEARTBEAT: Final = 0.2  # seconds between looks at what sends no message: a death, a cancelled token
_GRACE: Final = 5.0  # seconds to end in good order


class ReadingProcess:
    """Runs epochs as `Epochs` itself does, in a child process that is kept from one run to the next."""

    def __init__(self, epochs: Epochs) -> None:
        if not hasattr(os, "memfd_create"):
            raise UsageError("process=True needs Linux's shared memory: leave it out here")
        self._epochs: Final = epochs
        self._idle: Final[list[_Child]] = []
        self._closed = 0

    def run(self, stretch: Stretch, meter: Meter) -> Generator[Delivery, None, None]:
        """Yield the batches of a stretch.

        Errors are raised as in one process, the child's traceback as their cause. Raises
        `WdsImagenetError` if the child dies, `UsageError` if the transform cannot be sent to it.
        """
        closed = self._closed
        idle = (self._idle.pop() for _ in range(len(self._idle)))
        child = next((one for one in idle if one.usable), None) or _Child(self._epochs)
        pin = self._epochs.recipe.pin_memory
        try:
            with closing(child.run(stretch, meter)) as deliveries:
                for samples, batch, skipped in deliveries:
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
        self._send(epochs.dataset)

    @property
    def usable(self) -> bool:
        """Whether it is alive, as far as is known, and this process's own."""
        return self.end.alive and self._owner == os.getpid()

    def run(self, stretch: Stretch, meter: Meter) -> Generator[Delivery, None, None]:
        """Yield the batches of a stretch. An error other than the run's own ends the child."""
        token = current_token()
        try:
            self._order("begin", stretch)
            while isinstance(message := self._hear(meter, token), Given):
                self._order("more")
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
        if ended is not None and ended.error is not None and not token.cancelled:
            raise ended.error from RuntimeError(f"in the loader's process:\n{ended.trace}")

    def _halt(self, meter: Meter) -> Ended | None:
        """Have the run ended, its requests cut short; and the child too if that does not end it soon."""
        message: Given | Ended | None = None
        if not self.usable:
            return None
        try:
            self._order("halt")
            until = time.monotonic() + _GRACE
            while isinstance(message := self._hear(meter, CancelToken(), until), Given):
                self._found.unpack(message.packed)
        except WdsImagenetError:  # it died, and nobody waits for it
            return None
        finally:
            if not isinstance(message, Ended):
                self.end()
        return message

    def _order(self, what: Literal["begin", "more", "halt"], stretch: Stretch | None = None) -> None:
        self._send(Order(what, stretch, tuple(self._found.released())))

    def _send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError:
            self._report_death()

    def _hear(self, meter: Meter, token: CancelToken, until: float = math.inf) -> Given | Ended | None:
        """Return the next batch or the end; None if `token` is cancelled, or at the time `until`."""
        try:
            while True:
                while not self._connection.poll(_HEARTBEAT):
                    if token.cancelled or time.monotonic() > until:
                        return None
                    if not self._process.is_alive() and not self._connection.poll():
                        self._report_death()
                message: Message = self._connection.recv()
                if isinstance(message, Given | Ended):
                    break
                _pass_on(message)
            for number, size in message.packed.made if isinstance(message, Given) else ():
                self._found.add(number, size, recv_handle(self._connection))
        except (EOFError, OSError):
            self._report_death()
        meter.add(**message.stats)
        return message

    def _report_death(self) -> NoReturn:
        self._process.join(_GRACE)
        pid, code = self._process.pid, self._process.exitcode
        self.end()
        how = "its traceback is above"
        if code is not None and code < 0:
            how = (
                f"that is {signal.Signals(-code).name}. If it was for want of memory, use smaller batches, "
                "fewer lanes or a smaller prefetch_bytes"
            )
        raise WdsImagenetError(
            f"the loader's process {pid} died with exit code {code}: {how}. To go on after the last batch, "
            "load the loader's state_dict() into it again"
        ) from None


def _start(epochs: Epochs) -> tuple[Connection, BaseProcess]:
    """Start the child, which waits for the data set. Spawned: what is forked has locks, and no threads."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    recipe = epochs.recipe
    make = partial(
        Epochs,
        recipe=replace(recipe, pin_memory=False),  # which needs CUDA, and so is done here
        share=epochs.share,
        shuffle=epochs.shuffle,
        threads=epochs.threads,
        prefetch_bytes=epochs.prefetch_bytes,
    )
    levels = {name: logging.getLogger(name).getEffectiveLevel() for name in ("root", "wds_imagenet")}
    process = context.Process(
        target=serve, args=(theirs, os.getpid(), levels, make), daemon=True, name="wds-imagenet-loader"
    )
    ours_alone = isinstance(recipe.transform, RandomResizedCrop | ResizeCenterCrop | Decode)
    with _interrupts_held(), hide_main_module() if ours_alone else nullcontext():
        try:
            process.start()
        except (OSError, RuntimeError):
            raise
        except Exception as error:  # whatever the transform's own pickling raises
            raise UsageError(
                f"process=True sends the transform to another process, and this one cannot be pickled "
                f"({error}): define it at the top level of a module"
            ) from error
        finally:
            theirs.close()
    return ours, process


def _end(connection: Connection, process: BaseProcess, owner: int) -> None:
    """End the child: at its next instruction, or after the grace by force."""
    if os.getpid() != owner:  # a process forked from its parent's
        return
    with suppress(OSError):
        connection.send(Order("leave"))
    connection.close()
    process.join(_GRACE)
    process.kill()
    process.join()
    process.close()


def _pass_on(message: Warned | logging.LogRecord) -> None:
    if isinstance(message, Warned):
        warnings.warn_explicit(*message)
        return
    logger = logging.getLogger(message.name)
    if logger.isEnabledFor(message.levelno):
        logger.handle(message)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Have a process that is started now spared Ctrl-C until it ignores it by itself."""
    resource_tracker.ensure_running()  # it would end the holding
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
