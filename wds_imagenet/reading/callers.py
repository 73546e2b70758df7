"""Errors for callers that would cut or join batches that a loader has already shared among the ranks.

Neither torch's DataLoader nor Accelerate asks a data set, so the stack of callers is read, once a pass.
"""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Final

from wds_imagenet.errors import UsageError

_ACCELERATE: Final = "accelerate.data_loader"
_PREPARE: Final = "prepare_data_loader"
_DISPATCHER: Final = "DataLoaderDispatcher"


def refuse_batching(items: int | None = None) -> None:
    """Raise `UsageError` if a DataLoader is about to join several batches into one.

    Args:
        items: the batches to join; by default as many as the calling DataLoader collects.
    """
    if items is None:
        collected = [frame.f_locals.get("possibly_batched_index") for frame in _callers(4)]
        items = next((len(one) for one in collected if isinstance(one, list)), 1)
    if items > 1:
        raise UsageError(
            f"this DataLoader would join {items} batches into one: pass DataLoader(dataset, "
            "batch_size=None), since the data set yields whole batches, as large as its own batch_size says"
        )


def refuse_splitting(world_size: int) -> None:
    """Raise `UsageError` if Accelerate is about to share this rank's batches among the ranks once more.

    On one rank it raises only where Accelerate would fail, since it cuts batches of tensors alone.
    """
    for frame in _callers(64):
        own = frame.f_locals.get("self")
        is_sharding = frame.f_globals.get("__name__") == _ACCELERATE and frame.f_code.co_name == _PREPARE
        if type(own).__name__ != _DISPATCHER and not is_sharding:
            continue
        if world_size > 1:
            raise UsageError(
                "Accelerate's prepare() would share the batches of this rank among all ranks once more, and "
                "lose most samples: leave the DataLoader out of prepare(), and move each batch with "
                "batch.to(accelerator.device)"
            )
        if getattr(getattr(own, "collate_fn", None), "__name__", "") == "default_convert":
            raise UsageError(
                "Accelerate cannot cut a Batch: pass Accelerator(dataloader_config=DataLoaderConfiguration("
                "dispatch_batches=False)), or leave the DataLoader out of prepare()"
            )


def _callers(most: int) -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - documented, for this purpose
    while frame is not None and most:
        yield frame
        frame, most = frame.f_back, most - 1
