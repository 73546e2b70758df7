"""Images with known bytes and labels, and comparisons of a data set with them, without wds_imagenet."""

import hashlib
import io
import json
import random
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image

CLASSES: Final = ("n01440764", "n01443537", "n01484850")
Truth = dict[str, tuple[str, int]]
"""The SHA-256 of each sample's image, and its label, by key."""


def draw(folder: Path, count: int, size: tuple[int, int] = (24, 16), quality: int = 90) -> Truth:
    """Write noise as JPEGs into class folders, and return the truth of them."""
    rng = random.Random(count)
    truth = {}
    for i in range(count):
        label = i % len(CLASSES)
        path = folder / CLASSES[label] / f"{CLASSES[label]}_{i}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        out = io.BytesIO()
        Image.frombytes("RGB", size, rng.randbytes(3 * size[0] * size[1])).save(out, "JPEG", quality=quality)
        path.write_bytes(out.getvalue())
        truth[path.stem] = (hashlib.sha256(out.getvalue()).hexdigest(), label)
    return truth


@dataclass(frozen=True, slots=True)
class Difference:
    """The samples that are not as they should be."""

    lost: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        return "lost" if self.lost else "doubled" if self.doubled else "changed" if self.changed else ""


def compare(samples: Iterable[tuple[str, str, int]], truth: Truth, *, whole: bool) -> Difference:
    """Compare samples (key, SHA-256, label) with the truth; unless `whole`, some may be missing."""
    found = list(samples)
    counts = Counter(key for key, *_ in found)
    return Difference(
        tuple(sorted(truth.keys() - counts.keys())) if whole else (),
        tuple(sorted(key for key, count in counts.items() if count > 1)),
        tuple(sorted(key for key, digest, label in found if truth.get(key) != (digest, label))),
    )


def samples_of(files: Mapping[str, bytes]) -> list[tuple[str, str, int]]:
    """Return key, hash and label of every sample in the tars that a manifest lists, by tarfile alone."""
    manifest: dict[str, Any] = json.loads(files[".wds-imagenet/manifest.json"])
    found = []
    for shard in manifest["shards"]:
        members: dict[str, dict[str, bytes]] = {}
        order = []
        with tarfile.open(fileobj=io.BytesIO(files[shard["name"]])) as archive:
            for member in archive:
                key, _, suffix = member.name.partition(".")
                opened = archive.extractfile(member)
                assert opened
                if key not in members or suffix in members[key]:
                    order.append(key)
                    members[key] = {}
                members[key][suffix] = opened.read()
        for key in order:
            image = members[key]["jpg"]
            found.append((key, hashlib.sha256(image).hexdigest(), int(members[key]["cls"])))
    return found
