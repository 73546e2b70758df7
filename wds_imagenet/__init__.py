"""Pack ImageNet-like data into WebDataset shards on any store, and stream it into PyTorch."""

__version__ = "0.1.0"
