"""The options that decide how samples become batches, the same for every batch of a loader."""

from dataclasses import dataclass, field
from typing import Literal

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.batches.transform import TransformLike, TransformTraits, traits_of

OnBad = Literal["fail", "skip"]


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """The options that decide how samples become batches. Picklable if the transform is."""

    transform: TransformLike
    batch_size: int
    seed: int
    on_bad: OnBad
    with_json: bool
    with_captions: bool
    pin_memory: bool
    soft_labels: bool = False
    traits: TransformTraits = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.on_bad not in ("fail", "skip"):
            raise UsageError(f"on_bad is 'fail' or 'skip', not {self.on_bad!r}")
        object.__setattr__(self, "traits", traits_of(self.transform))
        if self.soft_labels and self.traits.crop is None:
            raise UsageError(
                "soft labels belong to crops: use RandomResizedCrop, ResizeCenterCrop, or a transform of "
                "your own that has a region"
            )

    @property
    def images_shape(self) -> tuple[int, ...] | None:
        """The shape of a batch's images in memory, [B, ...]; None if it is unknown before they are made."""
        return None if self.traits.shape is None else (self.batch_size, *self.traits.shape)
