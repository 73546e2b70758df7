"""What a person may choose about packing, and what of it decides the bytes: all of it."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self, get_args

from wds_imagenet.errors import UsageError
from wds_imagenet.format.blocks import block_bytes_for

OnBad = Literal["fail", "skip", "repair", "repair-else-skip"]
"""What is done with an image that cannot be used as it is: stop, leave it out, mend it or stop, mend it or
leave it out."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*")
_SPLIT: Final = re.compile(r"[A-Za-z0-9_]+")
_JPEG: Final = re.compile(r"(?:resize=([0-9]{1,5})(?::q([0-9]{1,3}))?(:optimize)?|optimize)(:strip)?")


@dataclass(frozen=True, slots=True)
class JpegPolicy:
    """What is done to JPEG images; by default nothing, byte for byte."""

    short_side: int | None = None
    """Resize to this many pixels on the short side, never up; None keeps the bytes."""
    quality: int = 90
    """Of the JPEG that resizing writes, 1 to 100."""
    optimize: bool = False
    """Rewrite losslessly, so that a decoder can enter in the middle."""
    strip: bool = False
    """When optimizing, drop the colour profile and the orientation too."""

    def __post_init__(self) -> None:
        if self.short_side is not None and not 1 <= self.short_side <= 65_500:
            raise UsageError(f"a JPEG's short side is 1 to 65,500 pixels, not {self.short_side}")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"a JPEG's quality is 1 to 100, not {self.quality}")
        if self.strip and not self.optimize:
            raise UsageError("metadata is stripped when a JPEG is optimized: option jpeg='optimize:strip'")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `keep`, `resize=256`, `resize=256:q90`, `optimize` or both, then `:strip`."""
        if text == "keep":
            return cls()
        match = _JPEG.fullmatch(text)
        if match is None:
            raise UsageError(
                f"option jpeg={text!r} is no policy: say keep, optimize, resize=256, resize=256:q90 or "
                "resize=256:q90:optimize"
            )
        optimize = not match[1] or bool(match[3])
        return cls(int(match[1]) if match[1] else None, int(match[2] or 90), optimize, bool(match[4]))

    def __str__(self) -> str:
        parts = [] if self.short_side is None else [f"resize={self.short_side}:q{self.quality}"]
        parts += ["optimize"] * self.optimize + ["strip"] * self.strip
        return ":".join(parts) or "keep"


@dataclass(frozen=True, slots=True)
class PackOptions:
    """Every choice that the bytes of the shards depend on; how many workers there are is not one."""

    name: str
    """Of the data set, such as `in1k`; shards are `{name}-{split}-000000.tar`."""
    split: str = "train"
    shard_bytes: int = 256 << 20
    """About how large a shard becomes."""
    samples_per_shard: int | None = None
    """If given, how many samples a shard has, whatever its size."""
    block_bytes: int | None = None
    """A block ends with the sample that reaches this many bytes; None: as suits the data set's size."""
    shuffle: bool | None = None
    """Whether samples are put in a random order; None: only those of the split `train`."""
    seed: int = 0
    window_bytes: int = 1 << 30
    """How many bytes of images a stream is shuffled in; of no consequence for a listing, or in its order."""
    jpeg: JpegPolicy = field(default_factory=JpegPolicy)
    on_bad: OnBad = "fail"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > 100:
            raise UsageError(
                f"{self.name!r} cannot name a data set: it takes letters, digits and '_', with single "
                "'-' or '.' between"
            )
        if not _SPLIT.fullmatch(self.split) or len(self.split) > 100:
            raise UsageError(f"{self.split!r} cannot name a split: letters, digits and '_'")
        for what in ("shard_bytes", "block_bytes", "samples_per_shard", "window_bytes"):
            value = getattr(self, what)
            if value is not None and value < 1:
                raise UsageError(f"option '{what}' must be at least 1, not {value}")
        if self.on_bad not in get_args(OnBad):
            raise UsageError(f"option 'on_bad' is one of {', '.join(get_args(OnBad))}, not {self.on_bad!r}")

    @property
    def shuffled(self) -> bool:
        """Whether the order is random, the default applied."""
        return self.split == "train" if self.shuffle is None else self.shuffle

    @property
    def repairs(self) -> bool:
        """Whether an image that cannot be used as it is is mended, where that can be done."""
        return self.on_bad in {"repair", "repair-else-skip"}

    @property
    def skips(self) -> bool:
        """Whether an image that cannot be used at all is left out."""
        return self.on_bad in {"skip", "repair-else-skip"}

    @property
    def rewrites(self) -> bool:
        """Whether an image's bytes may become others than those of its source."""
        return self.jpeg.short_side is not None or self.jpeg.optimize or self.repairs

    def for_bytes(self, total: int) -> Self:
        """Return the options for a data set of about so many bytes: with a block size."""
        return replace(self, block_bytes=self.block_bytes or block_bytes_for(total))

    def to_json(self) -> dict[str, Any]:
        """Return the choices as plain values, defaults applied."""
        return {
            "name": self.name,
            "split": self.split,
            "shard_bytes": self.shard_bytes,
            "samples_per_shard": self.samples_per_shard,
            "block_bytes": self.block_bytes,
            "shuffle": self.shuffled,
            "seed": self.seed,
            "jpeg": str(self.jpeg),
            "on_bad": self.on_bad,
        }
