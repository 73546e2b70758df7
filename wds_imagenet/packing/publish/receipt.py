"""A receipt: what one published shard holds. The manifest is made of receipts alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from wds_imagenet.errors import ManifestError
from wds_imagenet.format.manifest import METADATA_FOLDER, Shard, shard_from_json, shard_to_json
from wds_imagenet.util import strict_json

Action = Literal["kept", "repaired", "turned", "skipped"]
_FORMAT: Final = "wds-imagenet-receipt"
_MAX_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Remark:
    """One image that was not taken as it was, or not taken without a word."""

    key: str
    filename: str
    action: Action
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return it as a line of the report."""
        return {
            "key": self.key,
            "filename": self.filename,
            "action": self.action,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """One shard as it was built: the same for whoever built it."""

    plan: str
    """The fingerprint of the plan that it belongs to."""
    shard: Shard
    keys: tuple[str, ...]
    """Of its samples, in their order."""
    labels: Mapping[int, int]
    """How many samples each class has in it."""
    remarks: tuple[Remark, ...]

    def to_json(self) -> bytes:
        """Return the receipt's bytes."""
        return strict_json.dumps(
            {
                "format": _FORMAT,
                "plan": self.plan,
                "shard": shard_to_json(self.shard),
                "keys": self.keys,
                "labels": {str(label): count for label, count in sorted(self.labels.items())},
                "remarks": [remark.to_json() for remark in self.remarks],
            }
        )

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read a receipt's bytes. Raises `ManifestError` for any that `to_json` did not write."""
        try:
            value: dict[str, Any] = strict_json.loads(data, max_bytes=_MAX_BYTES)
            if value["format"] != _FORMAT:
                raise ManifestError(f"it is of the format {value['format']!r:.40}")
            receipt = cls(
                plan=value["plan"],
                shard=shard_from_json(value["shard"]),
                keys=tuple(value["keys"]),
                labels={int(label): count for label, count in value["labels"].items()},
                remarks=tuple(Remark(**remark) for remark in value["remarks"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(f"a receipt cannot be read: {error!r}") from error
        if receipt.to_json() != data or len(receipt.keys) != receipt.shard.samples:
            raise ManifestError("a receipt is not as it was written")
        return receipt


def receipt_path(shard_name: str) -> str:
    """Return where a shard's receipt lies, relative to the data set."""
    return f"{METADATA_FOLDER}/receipts/{shard_name}.json"
