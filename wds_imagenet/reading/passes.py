"""The passes over a data set that several processes read together: each pass is one epoch for all of them.

The numbers lie in memory that a process shares with its workers, so that they outlive the workers. A
DataLoader starts its workers without a call to its data set in the main process. So worker 0 begins each
pass, and the others look for the pass that it has begun.
"""

import time
from typing import Final, NamedTuple

import torch
from torch.multiprocessing import current_process

from wds_imagenet.errors import WdsImagenetError

_KEPT: Final = 16  # begun passes: a DataLoader has one, and several may share a data set
_LONGEST_WAIT: Final = 300.0  # seconds; worker 0 may have to import torch first
_LATEST: Final = 2
_COUNT, _IS_IN_WORKERS, _HEADER = 4, 5, 6


class EpochStart(NamedTuple):
    """The start of a pass: an epoch, and the samples of it that were read before."""

    epoch: int
    samples: int = 0


class Worker(NamedTuple):
    """A process that reads a part of each pass; by default the only one, which is no worker."""

    number: int = 0
    workers: int = 0
    """The number of workers of the DataLoader; 0 in the main process."""
    seed: int = 0
    """A number that a DataLoader draws for all workers that it starts together."""

    @property
    def birth(self) -> int:
        """The number of the first process that the DataLoader started together with this one.

        It differs where a program resets torch's seed, and so `seed`, for each epoch. 0 if it is unknown.
        """
        number = current_process().name.rpartition("-")[2].rpartition(":")[2]
        return int(number) - self.number if number.isdigit() else 0


class Passes:
    """The count of passes, in shared memory. Picklable for worker processes."""

    def __init__(self, epoch: int) -> None:
        shared = torch.full((_HEADER + 5 * _KEPT,), -1)
        shared[:_HEADER] = torch.tensor([epoch, 0, -1, 0, 0, 0])
        self._shared: Final = shared.share_memory_()  # type: ignore[no-untyped-call] # torch's
        self._begun = 0  # passes of this process

    @property
    def coming(self) -> EpochStart:
        """The start of the next pass."""
        return EpochStart(*self._shared[:_LATEST].tolist())

    @property
    def latest(self) -> EpochStart | None:
        """The start of the latest pass; None if another start was chosen since."""
        epoch, samples = self._shared[_LATEST:_COUNT].tolist()
        return None if epoch < 0 else EpochStart(epoch, samples)

    @property
    def is_in_workers(self) -> bool:
        """True if the latest pass is read by worker processes."""
        return bool(self._shared[_IS_IN_WORKERS])

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass this epoch: from its start, or from the state of it that was loaded."""
        coming = self.coming
        self.continue_at(coming if coming.epoch == epoch else EpochStart(epoch))

    def continue_at(self, start: EpochStart) -> None:
        """Make the next pass begin at a loaded state."""
        self._shared[_LATEST] = -1
        self._set_coming(start)

    def begin(self, worker: Worker) -> EpochStart:
        """Begin the next pass, or in a worker other than the first find the one that worker 0 has begun."""
        number, self._begun = self._begun, self._begun + 1
        if worker.number:
            return self._await(worker, number)
        start = self.resume(self.coming, worker)
        if worker.workers:
            row = int(self._shared[_COUNT]) % _KEPT
            claim = torch.tensor([*start, worker.birth, number, worker.seed])
            self._shared[_HEADER + 5 * row : _HEADER + 5 * row + 5] = claim
            self._shared[_COUNT] += 1
        return start

    def resume(self, start: EpochStart, worker: Worker) -> EpochStart:
        """Make the pass under way start there, and the next one read the epoch after it."""
        self._set_coming(EpochStart(start.epoch + 1))
        self._shared[_LATEST:_COUNT] = torch.tensor(start)
        self._shared[_IS_IN_WORKERS] = worker.workers
        return start

    def _set_coming(self, start: EpochStart) -> None:
        self._shared[:_LATEST] = torch.tensor(start)

    def _await(self, worker: Worker, number: int) -> EpochStart:
        until = time.monotonic() + _LONGEST_WAIT
        while time.monotonic() < until:
            for epoch, samples, birth, begun, seed in self._shared[_HEADER:].view(_KEPT, 5).tolist():
                # Processes that other threads start meanwhile move `birth` by a few.
                is_near = abs(worker.birth - birth) < worker.workers
                if is_near and (seed, begun) == (worker.seed, number):
                    return EpochStart(epoch, samples)
            time.sleep(0.001)
        raise WdsImagenetError(
            f"worker {worker.number} of a DataLoader waited {_LONGEST_WAIT:.0f} seconds for worker 0"
        )
