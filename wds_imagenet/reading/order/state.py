"""The state of a loader: which sequence, and how many of its samples have been given out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from wds_imagenet.errors import UsageError

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class State:
    """Enough to continue the very same sequence on any world size, thread count or machine."""

    fingerprint: str
    """Of the manifest."""
    seed: int
    epoch: int
    lanes: int
    samples: int
    """How many samples of the epoch's sequence the consumers of all ranks have been given."""
    shuffle: bool = True
    skipped: tuple[str, ...] = ()
    """The keys of this epoch's samples that this rank could not decode, under `on_bad="skip"`."""

    def __post_init__(self) -> None:
        for name in ("epoch", "samples"):
            if getattr(self, name) < 0:
                raise UsageError(f"a loader's state cannot have {name} {getattr(self, name)}")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"version": _VERSION, **asdict(self), "skipped": list(self.skipped)}

    @classmethod
    def from_dict(cls, value: object) -> Self:
        """Read what `to_dict` gave, from whatever it was saved in. Raises `UsageError`."""
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
