"""The choice of a loader's source of batches: threads of this process, or a child process."""

from wds_imagenet.reading.batches.epochs import BatchSource, Epochs, InProcessSource


def open_source(epochs: Epochs, *, process: bool) -> BatchSource:
    """Return a source of the batches. Starts no thread and no process yet.

    Raises `UsageError` where no child process can share memory.
    """
    if not process:
        return InProcessSource(epochs)
    from wds_imagenet.reading.subprocess.parent import SubprocessSource  # noqa: PLC0415 - it imports torch

    return SubprocessSource(epochs)
