"""Answers to programs that take a loader for torch's DataLoader, or for its data set."""

from typing import Never

from wds_imagenet.errors import NoAttributeError, UsageError
from wds_imagenet.reading.arguments import counterpart


class NoDataLoader:
    """Base of a loader: a use that only a DataLoader has raises an error that names ours."""

    def __getattr__(self, name: str) -> Never:
        advice = counterpart(name)
        if advice is None:
            raise NoAttributeError(f"a {type(self).__name__} has no attribute {name!r}")
        resume = "; to skip batches that were read, call load_state_dict" if "sampler" in name else ""
        raise NoAttributeError(
            f"a {type(self).__name__} has no {name!r}, which is DataLoader's: {advice}{resume}. For programs "
            "that need a DataLoader, make one of wds_imagenet.torch.IterableDataset"
        )

    def __getitem__(self, item: object) -> Never:
        """Raise `UsageError`: a loader has no items, and is no data set for torch's DataLoader."""
        raise UsageError(
            f"a {type(self).__name__} has no items: iterate it in place of a DataLoader, or give a "
            "DataLoader wds_imagenet.torch.IterableDataset; for single samples, use Dataset"
        )
