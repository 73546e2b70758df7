"""Receipts: the content of one published shard. The manifest is made of receipts alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from wds_imagenet.errors import ManifestError
from wds_imagenet.format.manifest import Shard, shard_from_json, shard_to_json
from wds_imagenet.format.own_hash import OWN_HASH, own_sha256
from wds_imagenet.util import strict_json

Action = Literal["kept", "repaired", "turned", "skipped"]
"""The values in receipts and in report.jsonl; an image that was rotated is `turned` there."""
_FORMAT: Final = "wds-imagenet-receipt"
_MAX_BYTES: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the report: an image that was changed or left out, or has a property worth a note."""

    key: str
    filename: str
    action: Action
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return the remark as plain values."""
        return {
            "key": self.key,
            "filename": self.filename,
            "action": self.action,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """One shard as it was built; equal whichever process built it."""

    plan: str
    """The fingerprint of its plan."""
    shard: Shard
    keys: tuple[str, ...]
    """The keys of its samples, in their order."""
    labels: Mapping[int, int]
    """Its samples by label."""
    remarks: tuple[Remark, ...]

    def to_json(self) -> bytes:
        """Return the receipt's bytes, with their own hash."""
        value = {
            "format": _FORMAT,
            "plan": self.plan,
            "shard": shard_to_json(self.shard),
            "keys": self.keys,
            "labels": {str(label): count for label, count in sorted(self.labels.items())},
            "remarks": [remark.to_json() for remark in self.remarks],
        }
        return strict_json.dumps({**value, OWN_HASH: own_sha256(value)})

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Read a receipt's bytes. Raises `ManifestError` for bytes that `to_json` did not write."""
        try:
            value: dict[str, Any] = strict_json.loads(data, max_bytes=_MAX_BYTES)
            if value["format"] != _FORMAT:
                raise ManifestError(f"a receipt has the format {value['format']!r:.40}, not {_FORMAT!r}")
            receipt = cls(
                plan=value["plan"],
                shard=shard_from_json(value["shard"]),
                keys=tuple(value["keys"]),
                labels={int(label): count for label, count in value["labels"].items()},
                remarks=tuple(Remark(**remark) for remark in value["remarks"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ManifestError(f"a receipt cannot be read: {error!r}") from error
        # The own hash is a part of these bytes, so that it finds every changed bit.
        if receipt.to_json() != data or len(receipt.keys) != receipt.shard.samples:
            raise ManifestError("a receipt was changed after it was written")
        return receipt
