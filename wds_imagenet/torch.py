"""`IterableDataset`: the batches of a `Loader` behind `torch.utils.data.DataLoader`."""

from wds_imagenet.errors import MissingExtraError

try:
    from wds_imagenet.reading.torch import IterableDataset
except ModuleNotFoundError as error:
    raise MissingExtraError.of("torch", "wds_imagenet.torch") from error

__all__ = ["IterableDataset"]
