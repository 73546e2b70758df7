"""For those who must have a `torch.utils.data.DataLoader`: `IterableDataset`."""

from wds_imagenet.errors import MissingExtraError

try:
    from wds_imagenet.reading.torch import IterableDataset
except ModuleNotFoundError as error:
    raise MissingExtraError.of("torch", "wds_imagenet.torch") from error

__all__ = ["IterableDataset"]
