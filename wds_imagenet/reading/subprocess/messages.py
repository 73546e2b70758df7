"""The messages between a loader's process and its parent, pickled by multiprocessing."""

import logging
from typing import Literal, NamedTuple, TypeAlias

from wds_imagenet.reading.batches.epochs import EpochRange
from wds_imagenet.reading.subprocess.shared_memory import BatchLayout, Release


class Command(NamedTuple):
    """A command of the parent, and the segments of shared memory that it has released since the last one."""

    name: Literal["begin", "next", "cancel", "exit"]
    epoch_range: EpochRange | None = None
    released: tuple[Release, ...] = ()


class BatchMessage(NamedTuple):
    """A batch. The descriptors of the segments in `layout.made` follow."""

    samples: int
    layout: BatchLayout
    skipped: tuple[str, ...]
    stats: dict[str, float]


class EndMessage(NamedTuple):
    """The last message of an epoch range: its end, or the error that ended it."""

    stats: dict[str, float]
    error: BaseException | None = None
    trace: str = ""


class WarningMessage(NamedTuple):
    """A warning, with the arguments of `warnings.warn_explicit`."""

    text: str
    category: type[Warning]
    filename: str
    lineno: int


Message: TypeAlias = BatchMessage | EndMessage | WarningMessage | logging.LogRecord
"""A message of the child."""
