"""The position of a loader between two batches, and its rules. Pure."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the sequence of epochs: all that changes while a loader iterates."""

    lanes: int
    epoch: int
    samples: int = 0
    """Samples of the epoch's sequence that all ranks together have handed out."""
    skipped: tuple[str, ...] = ()
    """The keys of this epoch's samples that this rank skipped."""
    is_begun: bool = False
    """True if an iteration has handed out a batch from here, so that the next one reads another epoch."""

    def after(self, samples: int, skipped: tuple[str, ...]) -> Self:
        """Return the position after a batch."""
        return replace(self, samples=samples, skipped=skipped, is_begun=True)

    def next_pass(self) -> Self:
        """Return the start of the next iteration: the next epoch, or this one if no batch was handed out."""
        return self.at(self.epoch + 1) if self.is_begun else self

    def at(self, epoch: int) -> Self:
        """Return the start of an epoch."""
        return replace(self, epoch=epoch, samples=0, skipped=(), is_begun=False)

    def set_epoch(self, epoch: int) -> Self:
        """Return the start of an epoch, or this position if it is a loaded one in the same epoch."""
        return self.at(epoch) if self.is_begun or epoch != self.epoch else self
