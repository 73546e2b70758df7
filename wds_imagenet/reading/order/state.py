"""The position of a loader: its sequence, and the number of samples handed out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from wds_imagenet.errors import UsageError

_VERSION: Final = 1


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
            if getattr(self, name) < 0:
                raise UsageError(f"a loader's state cannot have {name} {getattr(self, name)}")

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {"version": _VERSION, **asdict(self), "skipped": list(self.skipped)}

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """Return the state that `to_dict` returned, checked. Raises `UsageError`."""
        kinds = {
            "version": int,
            "fingerprint": str,
            "seed": int,
            "epoch": int,
            "lanes": int,
            "samples": int,
            "shuffle": bool,
            "skipped": list,
        }
        if not isinstance(value, Mapping) or set(value) != set(kinds):
            raise UsageError("this is not the state of a wds-imagenet loader")
        for name, kind in kinds.items():
            if type(value[name]) is not kind:
                raise UsageError(f"a loader's state cannot have {name} {value[name]!r:.80}")
        if value["version"] != _VERSION:
            raise UsageError(f"the state is of version {value['version']}; this release reads {_VERSION}")
        fields = {name: value[name] for name in kinds if name != "version"}
        return cls(**{**fields, "skipped": tuple(map(str, value["skipped"]))})
