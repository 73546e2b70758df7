"""The options of packing. Each of them decides the bytes of the shards."""

import re
from dataclasses import dataclass, field, replace
from operator import index
from typing import Any, Final, Literal, Self, get_args

from wds_imagenet.errors import UsageError
from wds_imagenet.format.blocks import MAX_TARGET, block_bytes_for
from wds_imagenet.images.header import MAX_PIXELS

OnBad = Literal["fail", "skip", "repair", "repair-else-skip"]
"""The treatment of an image that cannot be used as it is: stop; leave it out; repair it or stop; repair it or
leave it out."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)*")
_SPLIT: Final = re.compile(r"[A-Za-z0-9_]+")
_JPEG: Final = re.compile(r"(?:resize=([0-9]{1,5})(?::q([0-9]{1,3}))?(:optimize)?|optimize)(:strip)?")


@dataclass(frozen=True, slots=True)
class JpegPolicy:
    """The treatment of JPEG images; by default they are stored byte for byte."""

    short_side: int | None = None
    """Pixels on the short side to resize to, never up; None keeps the bytes."""
    quality: int = 90
    """Quality of a resized JPEG, 1 to 100."""
    optimize: bool = False
    """Rewrite losslessly, so that a decoder can start in the middle."""
    strip: bool = False
    """Drop the colour profile and the EXIF orientation, too; only with `optimize`."""

    def __post_init__(self) -> None:
        if self.short_side is not None and not 1 <= self.short_side <= 65_500:
            raise UsageError(f"a JPEG's short side is 1 to 65,500 pixels, not {self.short_side}")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"a JPEG's quality is 1 to 100, not {self.quality}")
        if self.strip and not self.optimize:
            raise UsageError("metadata is stripped when a JPEG is optimized: option jpeg='optimize:strip'")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `keep`, `resize=256`, `resize=256:q90`, `optimize` or both, then `:strip`."""
        if text == "keep":
            return cls()
        match = _JPEG.fullmatch(text)
        if match is None:
            raise UsageError(
                f"option jpeg={text!r} is not a policy: write keep, optimize, resize=256, resize=256:q90 or "
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
    """Every option that the bytes of the shards depend on; the number of workers is not one."""

    name: str
    """Name of the data set, such as `in1k`; shards are `{name}-{split}-000000.tar`."""
    split: str = "train"
    shard_bytes: int = 256 << 20
    """Approximate size of a shard."""
    samples_per_shard: int | None = None
    """Samples in a shard, instead of its size."""
    block_bytes: int | None = None
    """A block ends with the sample that reaches this many bytes; None: as suits the data set."""
    shuffle: bool | None = None
    """Put the samples in a random order; None: only those of the split `train`."""
    seed: int = 0
    window_bytes: int = 1 << 30
    """Bytes of memory in which a stream is shuffled; without effect on a listing, or without shuffling."""
    jpeg: JpegPolicy = field(default_factory=JpegPolicy)
    on_bad: OnBad = "fail"
    max_pixels: int = MAX_PIXELS
    """The most pixels of an image; of a JPEG that is resized, at the scale at which it is decoded."""

    max_image_bytes: int = 256 << 20
    """The most bytes of an image: no larger file is read into memory."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > 100:
            raise UsageError(
                f"{self.name!r} cannot name a data set: it takes letters, digits and '_', with single "
                "'-' or '.' between"
            )
        if not _SPLIT.fullmatch(self.split) or len(self.split) > 100:
            raise UsageError(f"{self.split!r} cannot name a split: letters, digits and '_'")
        sizes = ("shard_bytes", "block_bytes", "samples_per_shard", "window_bytes", "max_pixels")
        for name in (*sizes, "max_image_bytes"):
            value = getattr(self, name)
            if value is None:
                continue
            object.__setattr__(self, name, index(value))  # NumPy's numbers have no JSON form
            if value < 1:
                raise UsageError(f"option '{name}' must be at least 1, not {value}")
        object.__setattr__(self, "seed", index(self.seed))
        if (self.block_bytes or 1) > MAX_TARGET:
            raise UsageError(f"option 'block_bytes' must be at most 1GiB, not {self.block_bytes:,} bytes")
        if self.on_bad not in get_args(OnBad):
            raise UsageError(f"option 'on_bad' is one of {', '.join(get_args(OnBad))}, not {self.on_bad!r}")

    @property
    def shuffled(self) -> bool:
        """True if the order is random, after the default of `shuffle` is applied."""
        return self.split == "train" if self.shuffle is None else self.shuffle

    @property
    def repairs(self) -> bool:
        """True if an image that cannot be used as it is is repaired, if possible."""
        return self.on_bad in {"repair", "repair-else-skip"}

    @property
    def skips(self) -> bool:
        """True if an image that cannot be used at all is left out."""
        return self.on_bad in {"skip", "repair-else-skip"}

    @property
    def rewrites(self) -> bool:
        """True if the stored bytes of an image may differ from the released ones."""
        return self.jpeg.short_side is not None or self.jpeg.optimize or self.repairs

    def for_bytes(self, total: int) -> Self:
        """Return the options with a block size, for a data set of about `total` bytes."""
        return replace(self, block_bytes=self.block_bytes or block_bytes_for(total))

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain values, defaults applied; `window_bytes` is added for streams."""
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
            "max_pixels": self.max_pixels,
            "max_image_bytes": self.max_image_bytes,
        }
