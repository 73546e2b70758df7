"""The batch that a training step gets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of one rank in one step: `batch_size` rows, in the order of the epoch.

    The last batch of an epoch may be shorter, or padded: see `last` of `Loader`.
    `images, labels = batch` takes the two apart.

    You own the tensors. The loader reuses the memory of a tensor only after you have dropped the tensor and
    all views of it. If you keep only `labels` or `mask`, the loader can still reuse the memory of `images`.

    Attributes:
        images: for crops, uint8 [B, 3, H, W] in channels-last memory. A transform with another shape gives
            [B, *shape]. The loader stacks the arrays of a plain function. `Decode()` gives a list of uint8
            [3, height, width].
        labels: int64 [B]; -100, which torch's losses ignore, for a row without a label.
        keys: the keys of the samples; "" for a row of padding or a skipped sample.
        captions: with `with_captions=True`; "" for a sample without one.
        json: with `with_json=True`; `{}` for a sample without one.
        mask: bool [B]; False for a row of padding or a skipped sample.
        soft_labels: with `soft_labels=True`: float32 [B, 1000], computed for the crops in `images`; zeros
            where `mask` is False.
    """

    images: "torch.Tensor | list[torch.Tensor]"
    labels: "torch.Tensor"
    keys: list[str]
    captions: list[str] | None
    json: list[dict[str, Any]] | None
    mask: "torch.Tensor"
    soft_labels: "torch.Tensor | None" = None

    def __len__(self) -> int:
        """Return the number of rows, padding included."""
        return len(self.keys)

    def __iter__(self) -> "Iterator[torch.Tensor | list[torch.Tensor]]":
        """Yield `images` and `labels`, for loops that unpack a batch."""
        yield self.images
        yield self.labels

    def pin_memory(self) -> "Batch":
        """Return the batch in page-locked memory; `DataLoader(pin_memory=True)` calls this method."""
        return self._moved(lambda tensor: tensor.pin_memory())

    def to(self, device: "torch.device | str", *, non_blocking: bool = False) -> "Batch":
        """Return the batch with its tensors on a device.

        Args:
            device: torch's device, such as `"cuda"`.
            non_blocking: do not wait for the copy, where the batch lies in page-locked memory.
        """
        return self._moved(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def _moved(self, move: Callable[["torch.Tensor"], "torch.Tensor"]) -> "Batch":
        images: torch.Tensor | list[torch.Tensor]
        images = (
            [move(image) for image in self.images] if isinstance(self.images, list) else move(self.images)
        )
        soft_labels = None if self.soft_labels is None else move(self.soft_labels)
        labels, mask = move(self.labels), move(self.mask)
        return Batch(images, labels, self.keys, self.captions, self.json, mask, soft_labels)
