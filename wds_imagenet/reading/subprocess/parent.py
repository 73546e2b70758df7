"""The parent's side of a loader's process: it starts the child, asks for batches, and ends it.

The two processes talk over a socket. The parent asks for each batch as it takes the one before. A closed
end of the socket reveals the death of the other process, on either side.
"""

import logging
import math
import multiprocessing
import os
import signal
import time
import warnings
import weakref
from collections.abc import Generator
from contextlib import closing, nullcontext, suppress
from dataclasses import fields, is_dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import recv_handle
from typing import Final, Literal, NoReturn

from wds_imagenet.errors import UsageError, WdsImagenetError
from wds_imagenet.reading.batches.epochs import EpochRange, Epochs, PositionedBatch
from wds_imagenet.reading.batches.stats import Meter
from wds_imagenet.reading.subprocess.child import serve
from wds_imagenet.reading.subprocess.messages import (
    BatchMessage,
    Command,
    EndMessage,
    Message,
    WarningMessage,
)
from wds_imagenet.reading.subprocess.shared_memory import MappedSegments
from wds_imagenet.util.cancel import CancelToken, current_token
from wds_imagenet.util.processes import check_socket_path, ctrl_c_blocked, hide_main_module

_HEARTBEAT: Final = 0.2  # seconds between looks at a death or a cancellation, which send no message
_GRACE: Final = 5.0  # seconds for the child to end by itself


class SubprocessSource:
    """Batches made in a child process, which is started late and kept from one run to the next."""

    def __init__(self, epochs: Epochs) -> None:
        if not hasattr(os, "memfd_create"):
            raise UsageError("process=True needs Linux's shared memory: leave it out here")
        self._epochs: Final = epochs
        self._idle: Final[list[_Child]] = []
        self._closed = 0

    def batches(self, epoch_range: EpochRange, meter: Meter) -> Generator[PositionedBatch, None, None]:
        """Yield the batches of a part of an epoch.

        Raises the errors of one process, with the child's traceback as their cause. Raises
        `WdsImagenetError` if the child dies, and `UsageError` if the transform cannot be pickled.
        """
        closed = self._closed
        idle = (self._idle.pop() for _ in range(len(self._idle)))
        child = next((one for one in idle if one.is_usable), None) or _Child(self._epochs)
        pin = self._epochs.spec.pin_memory
        try:
            with closing(child.batches(epoch_range, meter)) as batches:
                for samples, batch, skipped in batches:
                    yield PositionedBatch(samples, batch.pin_memory() if pin else batch, skipped)
                    del batch
        finally:
            if child.is_usable and not self._idle and closed == self._closed:
                self._idle.append(child)
            else:
                child.end()

    def close(self) -> None:
        """End the idle child; a child at work ends with its run."""
        self._closed += 1
        while self._idle:
            self._idle.pop().end()


class _Child:
    """The parent's side of one child. It ends with its last reference, and at the interpreter's exit."""

    def __init__(self, epochs: Epochs) -> None:
        if multiprocessing.current_process().daemon:
            raise UsageError("a daemonic process may start no process: leave out process=True here")
        self._connection, self._process = _start(epochs)
        self._segments: Final = MappedSegments()
        self._owner: Final = os.getpid()
        self.end: Final = weakref.finalize(self, _end, self._connection, self._process, self._owner)
        self._send(epochs.dataset)

    @property
    def is_usable(self) -> bool:
        """True if no death was noticed, and this process started the child."""
        return self.end.alive and self._owner == os.getpid()

    def batches(self, epoch_range: EpochRange, meter: Meter) -> Generator[PositionedBatch, None, None]:
        """Yield the batches of a part of an epoch. Any error but the run's own ends the child."""
        token = current_token()
        try:
            self._command("begin", epoch_range)
            while isinstance(message := self._receive(meter, token), BatchMessage):
                self._command("next")
                batch = self._segments.open(message.layout)
                positioned = PositionedBatch(message.samples, batch, message.skipped)
                del message, batch
                yield positioned
                del positioned
            end = self._cancel(meter) if message is None else message
        except GeneratorExit:
            self._cancel(meter)
            raise
        except BaseException:  # half a message may have been read
            self.end()
            raise
        if end is not None and end.error is not None and not token.cancelled:
            raise end.error from RuntimeError(f"in the loader's process:\n{end.trace}")

    def _cancel(self, meter: Meter) -> EndMessage | None:
        """Cancel the run under way, and end the child if it does not answer in time."""
        message: BatchMessage | EndMessage | None = None
        if not self.is_usable:
            return None
        try:
            self._command("cancel")
            until = time.monotonic() + _GRACE
            while isinstance(message := self._receive(meter, CancelToken(), until), BatchMessage):
                self._segments.open(message.layout)
        except WdsImagenetError:  # the child died, and nobody waits for it
            return None
        finally:
            if not isinstance(message, EndMessage):
                self.end()
        return message

    def _command(
        self, name: Literal["begin", "next", "cancel"], epoch_range: EpochRange | None = None
    ) -> None:
        self._send(Command(name, epoch_range, tuple(self._segments.released())))

    def _send(self, message: object) -> None:
        try:
            self._connection.send(message)
        except OSError:
            self._report_death()

    def _receive(
        self, meter: Meter, token: CancelToken, until: float = math.inf
    ) -> BatchMessage | EndMessage | None:
        """Return the next batch or the end; None if `token` is cancelled, or at the time `until`."""
        try:
            while True:
                while not self._connection.poll(_HEARTBEAT):
                    if token.cancelled or time.monotonic() > until:
                        return None
                    if not self._process.is_alive() and not self._connection.poll():
                        self._report_death()
                message: Message = self._connection.recv()
                if isinstance(message, BatchMessage | EndMessage):
                    break
                _log(message)
            for number, size in message.layout.made if isinstance(message, BatchMessage) else ():
                self._segments.add(number, size, recv_handle(self._connection))
        except (EOFError, OSError):
            self._report_death()
        meter.add(**message.stats)
        return message

    def _report_death(self) -> NoReturn:
        self._process.join(_GRACE)
        pid, code = self._process.pid, self._process.exitcode
        self.end()
        cause = "its traceback is above"
        if code is not None and code < 0:
            cause = (
                f"that is {signal.Signals(-code).name}. If memory ran out, use smaller batches, "
                "fewer lanes or a smaller prefetch_bytes"
            )
        raise WdsImagenetError(
            f"the loader's process {pid} died with exit code {code}: {cause}. To continue after the last "
            "batch, load the loader's state_dict() into it again"
        ) from None


def _start(epochs: Epochs) -> tuple[Connection, BaseProcess]:
    """Start the child, which waits for the data set. It is spawned: a forked child inherits held locks."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    make = partial(
        Epochs,
        spec=replace(epochs.spec, pin_memory=False),  # the parent pins, since that needs CUDA
        rank_slice=epochs.rank_slice,
        shuffle=epochs.shuffle,
        threads=epochs.threads,
        prefetch_bytes=epochs.prefetch_bytes,
    )
    levels = {name: logging.getLogger(name).getEffectiveLevel() for name in ("root", "wds_imagenet")}
    process = context.Process(
        target=serve, args=(theirs, os.getpid(), levels, make), daemon=True, name="wds-imagenet-loader"
    )
    check_socket_path()
    with ctrl_c_blocked(), hide_main_module() if needs_no_main(epochs.spec.transform) else nullcontext():
        try:
            process.start()
        except (OSError, RuntimeError):
            raise
        except Exception as error:  # the transform's own pickling may raise anything
            raise UsageError(
                f"process=True sends the transform to another process, and this one cannot be pickled "
                f"({error}): define it at the top level of a module"
            ) from error
        finally:
            theirs.close()
    return ours, process


def needs_no_main(transform: object) -> bool:
    """Return True for plain data that the child can unpickle without the user's script.

    Plain data is a dataclass of a module other than the script, with numbers, text and tuples as fields.
    """
    if not is_dataclass(transform) or isinstance(transform, type) or type(transform).__module__ == "__main__":
        return False
    return all(_is_plain(getattr(transform, one.name)) for one in fields(transform))


def _is_plain(value: object) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return value is None or type(value) in {bool, int, float, str}


def _end(connection: Connection, process: BaseProcess, owner: int) -> None:
    """End the child: by a command, or after the grace by force."""
    if os.getpid() != owner:  # this process was forked from the child's parent
        return
    with suppress(OSError):
        connection.send(Command("exit"))
    connection.close()
    process.join(_GRACE)
    process.kill()
    process.join()
    process.close()


def _log(message: WarningMessage | logging.LogRecord) -> None:
    if isinstance(message, WarningMessage):
        warnings.warn_explicit(*message)
        return
    logger = logging.getLogger(message.name)
    if logger.isEnabledFor(message.levelno):
        logger.handle(message)
