"""The position of a loader: its sequence, and the number of samples handed out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from reprlib import Repr
from typing import Any, Final, Self

from wds_imagenet.errors import UsageError
from wds_imagenet.reading.arguments import number_text

_VERSION: Final = 1
_MOST: Final = 1 << 63
_KINDS: Final = {
    "version": int,
    "fingerprint": str,
    "seed": int,
    "epoch": int,
    "lanes": int,
    "samples": int,
    "shuffle": bool,
    "skipped": list,
}


class _Brief(Repr):
    """Text of any value, also of a number with more digits than Python converts."""

    def repr_int(self, x: int, level: int) -> str:
        del level
        return number_text(x)


_text: Final = _Brief().repr


def most_skipped(samples: int) -> int:
    """Return the samples that one rank may skip in an epoch of so many: 0.1 %, or 10 if that is more."""
    return max(10, samples // 1000)


@dataclass(frozen=True, slots=True)
class LoaderState:
    """A position from which the same sequence continues on any world size, thread count or machine."""

    fingerprint: str
    """The manifest's fingerprint."""
    seed: int
    epoch: int
    lanes: int
    samples: int
    """Samples of the epoch's sequence that all ranks together have handed out."""
    shuffle: bool = True
    skipped: tuple[str, ...] = ()
    """The keys of this epoch's samples that this rank skipped, with `on_bad="skip"`."""

    def __post_init__(self) -> None:
        for name in ("epoch", "samples"):
            if not 0 <= getattr(self, name) < _MOST:
                raise UsageError(f"a loader's state cannot have {name} {number_text(getattr(self, name))}")

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"version": _VERSION, **asdict(self), "skipped": list(self.skipped)}

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """Return the state that `to_dict` returned, checked. Raises `UsageError`."""
        if not isinstance(value, Mapping) or set(value) != set(_KINDS):
            raise UsageError("this is not the state of a wds-imagenet loader")
        for name, kind in _KINDS.items():
            if type(value[name]) is not kind:
                raise UsageError(f"a loader's state cannot have {name} {_text(value[name])}")
        if value["version"] != _VERSION:
            version = number_text(value["version"])
            raise UsageError(f"the state is of version {version}; this release reads {_VERSION}")
        for key in value["skipped"]:
            if type(key) is not str:
                raise UsageError(f"a loader's state cannot have the skipped key {_text(key)}")
        fields = {name: value[name] for name in _KINDS if name != "version"}
        return cls(**{**fields, "skipped": tuple(value["skipped"])})

    def check_against(self, own: Self, samples: int) -> None:
        """Raise `UsageError` unless a loader of the state `own` and of so many samples can continue it."""
        for name in ("fingerprint", "seed", "shuffle"):
            theirs, ours = getattr(self, name), getattr(own, name)
            if theirs != ours:
                raise UsageError(
                    f"the state has {name} {_text(theirs)}, this loader {_text(ours)}, so its order is "
                    "another: open the loader with the arguments of the run that saved the state"
                )
        if self.samples > samples:
            raise UsageError(f"the state counts {self.samples} samples, and the data set has {samples}")
        if len(self.skipped) > most_skipped(samples):
            raise UsageError(
                f"the state counts {len(self.skipped)} skipped samples; a loader of {samples} samples skips "
                f"at most {most_skipped(samples)} in an epoch"
            )
