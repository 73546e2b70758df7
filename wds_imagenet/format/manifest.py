"""The manifest: every shard and block of a finished data set. A data set without one is not finished.

`docs/format.md` specifies it for people, `manifest.schema.json` for programs.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self, TypeVar

from wds_imagenet.errors import ManifestError
from wds_imagenet.format.own_hash import OWN_HASH, check_own_hash, own_sha256
from wds_imagenet.format.tar import RECORD
from wds_imagenet.util import strict_json

METADATA_FOLDER: Final = ".wds-imagenet"
MANIFEST_PATH: Final = f"{METADATA_FOLDER}/manifest.json"
PLAN_PATH: Final = f"{METADATA_FOLDER}/plan.json"
REPORT_PATH: Final = f"{METADATA_FOLDER}/report.jsonl"
KEYS_PATH: Final = f"{METADATA_FOLDER}/keys.txt"
QUARANTINE: Final = f"{METADATA_FOLDER}/quarantine/"
"""The folder of the shards that `repair` left out of a data set."""
LOST_KEYS: Final = f"{QUARANTINE}lost_keys.txt"
PARENT: Final = ".."
"""The only other folder that a manifest may name for its shards."""
VERSION: Final = 1
MAX_BYTES: Final = 256 << 20
MAX_KEY_BYTES: Final = 64 << 10
"""Bytes of a key in an indexed tar, at most; `pack` writes keys of at most 100 bytes."""
MAX_BLOCK_BYTES: Final = 2 << 30
"""A reader holds a whole block in memory. A manifest of `MAX_BYTES` cannot sum up to 2^63 bytes."""
MAX_BLOCK_SAMPLES: Final = 1 << 16
"""A loader draws the order of a whole block before it reads the block."""
_FORMAT: Final = "wds-imagenet"
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_REMEDY: Final = "run 'repair', or copy it again from an intact copy of the data set"
_T = TypeVar("_T")
_NAME_PART: Final = re.compile(r"[^./\x00-\x1f\x7f-\x9f][^/\x00-\x1f\x7f-\x9f]*")


@dataclass(frozen=True, slots=True)
class Block:
    """The unit of I/O: a byte range of a shard that begins and ends between samples."""

    size: int
    """In bytes."""
    samples: int
    crc32: int
    """CRC-32 of the bytes (IEEE 802.3, as zlib computes it)."""

    def __post_init__(self) -> None:
        _check(0 < self.size <= MAX_BLOCK_BYTES, "block bytes", self.size)
        most = min(self.size // RECORD, MAX_BLOCK_SAMPLES)  # each sample has a header at least
        _check(0 <= self.samples <= most, "block samples", self.samples)
        _check(0 <= self.crc32 < 1 << 32, "block crc32", self.crc32)


@dataclass(frozen=True, slots=True)
class Shard:
    """One tar file, and the blocks that tile it, from the first byte to the last."""

    name: str
    """Path relative to the data set; never absolute, never with `..`."""
    size: int
    """In bytes."""
    samples: int
    sha256: str
    blocks: tuple[Block, ...]

    def __post_init__(self) -> None:
        check_shard_name(self.name)
        _check(bool(self.blocks), f"blocks of {self.name}", self.blocks)
        _check(bool(_HEX.fullmatch(self.sha256)), f"sha256 of {self.name}", self.sha256)
        _check(sum(b.size for b in self.blocks) == self.size, f"bytes of {self.name}", self.size)
        total = sum(b.samples for b in self.blocks)
        _check(total == self.samples, f"samples of {self.name}", self.samples)


@dataclass(frozen=True)
class Manifest:
    """A finished data set. Neither the manifest nor the data set changes any more."""

    name: str
    split: str
    suffixes: tuple[str, ...]
    """Suffixes of each sample's members, such as cls, image, json; `image` stands for every image format."""
    keys_sha256: str
    """SHA-256 of `.wds-imagenet/keys.txt`: every key, one a line, in the order of the shards."""
    shards: tuple[Shard, ...]
    classes: tuple[Mapping[str, Any], ...] = ()
    """By class index: `name`, number of `samples`, and further metadata of the source.

    A layer without labels has only the metadata that it adds.
    """
    plan: str | None = None
    """Fingerprint of the plan that it was packed from; None if it was indexed."""
    report_sha256: str | None = None
    """SHA-256 of `.wds-imagenet/report.jsonl`; None for indexed shards and layers, which have no report."""
    shards_in: str | None = None
    """`..` if the shards lie in the folder above, as of a second split that `index` found; else None."""

    def __post_init__(self) -> None:
        _check(bool(_HEX.fullmatch(self.keys_sha256)), "keys sha256", self.keys_sha256)
        classes_alone = bool(self.classes) and not self.suffixes  # as a layer may have
        _check(bool(self.shards) or classes_alone, "shards", self.shards)
        for name, stated in (("plan", self.plan), ("report_sha256", self.report_sha256)):
            _check(stated is None or bool(_HEX.fullmatch(stated)), name, stated)
        _check(self.shards_in in {None, PARENT}, "shards_in", self.shards_in)
        _check(len(set(self.suffixes)) == len(self.suffixes), "suffixes", self.suffixes)
        self._check_classes()
        names = {shard.name for shard in self.shards}
        _check(len(names) == len(self.shards), "number of distinct shard names", len(names))

    def __getstate__(self) -> dict[str, Any]:
        """Pickle a copy, since another thread may be filling a cache."""
        return vars(self).copy()

    def _check_classes(self) -> None:
        labelled = 0
        for item in self.classes:
            name, count = item.get("name", ""), item.get("samples", 0)
            _check(isinstance(name, str), "name of a class", name)
            _check(type(count) is int and 0 <= count <= self.samples, "samples of a class", count)
            labelled += count
        _check(labelled <= self.samples, "samples of all classes", labelled)

    @property
    def samples(self) -> int:
        """Number of samples of the data set."""
        return sum(shard.samples for shard in self.shards)

    @property
    def size(self) -> int:
        """Size of all shards, in bytes."""
        return sum(shard.size for shard in self.shards)

    @cached_property
    def fingerprint(self) -> str:
        """The manifest's own SHA-256: data sets of the same fingerprint are equal, byte for byte."""
        return own_sha256(self._values())

    def to_json(self) -> bytes:
        """Return the manifest's bytes: the same for the same data set, whenever and wherever it is packed."""
        head = self._values()
        shards = b",\n".join(strict_json.dumps(shard) for shard in head.pop("shards"))
        own_hash = strict_json.dumps({OWN_HASH: self.fingerprint})
        return b'%b,"shards":[\n%b\n],%b\n' % (strict_json.dumps(head)[:-1], shards, own_hash[1:])

    def _values(self) -> dict[str, Any]:
        place = {} if self.shards_in is None else {"shards_in": self.shards_in}
        return {
            "format": _FORMAT,
            "version": VERSION,
            "name": self.name,
            "split": self.split,
            "samples": self.samples,
            "bytes": self.size,
            "suffixes": list(self.suffixes),
            "keys_sha256": self.keys_sha256,
            "plan": self.plan,
            "report_sha256": self.report_sha256,
            **place,
            "classes": [dict(item) for item in self.classes],
            "shards": [shard_to_json(shard) for shard in self.shards],
        }

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse a manifest's bytes.

        Raises:
            ManifestError: the bytes are no manifest, or were changed after they were written. The network
                may have damaged them: read them once more before you believe it.
        """
        try:
            value = strict_json.loads(data, max_bytes=MAX_BYTES)
        except ValueError as error:
            raise ManifestError(f"the manifest is not valid JSON: {error}") from error
        if not isinstance(value, dict) or value.get("format") != _FORMAT:
            raise ManifestError(f"the manifest is not a manifest of {_FORMAT}")
        if type(value.get("version")) is not int or value["version"] != VERSION:
            raise ManifestError(
                f"the manifest has version {value.get('version')!r:.40}; this release reads version "
                f"{VERSION}: upgrade wds-imagenet"
            )
        fingerprint = check_own_hash(value, "the manifest", _REMEDY)
        try:
            manifest = cls(
                name=typed(value["name"], str),
                split=typed(value["split"], str),
                suffixes=tuple(typed(suffix, str) for suffix in typed(value["suffixes"], list)),
                keys_sha256=typed(value["keys_sha256"], str),
                shards=tuple(shard_from_json(item) for item in typed(value["shards"], list)),
                classes=tuple(typed(item, dict) for item in typed(value["classes"], list)),
                plan=_text_or_none(value["plan"]),
                report_sha256=_text_or_none(value["report_sha256"]),
                shards_in=_text_or_none(value.get("shards_in")),
            )
            _check(typed(value["samples"], int) == manifest.samples, "total samples", value["samples"])
            _check(typed(value["bytes"], int) == manifest.size, "total bytes", value["bytes"])
        except KeyError as error:
            raise ManifestError(f"the manifest lacks {error}") from error
        except TypeError as error:
            raise ManifestError(f"the manifest is malformed: {error}") from error
        if manifest._values() != {name: item for name, item in value.items() if name != OWN_HASH}:
            raise ManifestError(f"the manifest has fields that version {VERSION} does not have")
        manifest.__dict__["fingerprint"] = fingerprint
        return manifest


def shard_to_json(shard: Shard) -> dict[str, Any]:
    """Return a shard's entry in the manifest."""
    return {
        "name": shard.name,
        "bytes": shard.size,
        "samples": shard.samples,
        "sha256": shard.sha256,
        "blocks": [[block.size, block.samples, block.crc32] for block in shard.blocks],
    }


def shard_from_json(value: Any) -> Shard:  # noqa: ANN401 - any JSON value
    """Parse a shard's entry. Raises `ManifestError`, `TypeError` or `KeyError`."""
    entry = typed(value, dict)
    blocks = []
    for item in typed(entry["blocks"], list):
        numbers = [typed(number, int) for number in typed(item, list)]
        _check(len(numbers) == 3, "block", item)
        blocks.append(Block(*numbers))
    return Shard(
        name=typed(entry["name"], str),
        size=typed(entry["bytes"], int),
        samples=typed(entry["samples"], int),
        sha256=typed(entry["sha256"], str),
        blocks=tuple(blocks),
    )


def check_shard_name(name: str) -> None:
    """Raise `ManifestError` for a name that leaves the folder, is hidden, or has control characters."""
    _check(all(_NAME_PART.fullmatch(part) for part in name.split("/")), "shard name", name)


def _text_or_none(value: object) -> str | None:
    return None if value is None else typed(value, str)


def typed(value: object, kind: type[_T]) -> _T:
    """Return a JSON value that must be of a type. Raises `TypeError`; true and false are no integers."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{value!r:.60} is no {kind.__name__}")
    return value


def _check(valid: bool, name: str, value: object) -> None:  # noqa: FBT001 - reads as an assertion
    if not valid:
        raise ManifestError(f"the manifest's {name} cannot be {value!r:.100}")
