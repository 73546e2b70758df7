"""The releases of ImageNet-21K-P, whose class lists are identified by hash, not by length.

Source: Ridnik et al., "ImageNet-21K Pretraining for the Masses", 2021.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.imagenet.semantic_tree import read_tree
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.storage.store import StorageOptions

ABSENT_CLASSES: Final = (
    "n02085782", "n02089078", "n02089867", "n02089973", "n02091635", "n02108000", "n02112706", "n02113978",
    "n04399382",
)  # fmt: skip
"""The classes of ILSVRC2012 that neither release has."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release: its name, class list and counts."""

    name: str
    classes: int
    sha256: str
    """SHA-256 of the sorted WNIDs, each followed by a line feed."""
    published: Mapping[str, int]
    """The published number of images by split."""
    file: str
    """The usual file name of the class list."""

    @property
    def note(self) -> str:
        """Return a note for users who fine-tune on ILSVRC2012."""
        absent = ", ".join(ABSENT_CLASSES)
        return f"{len(ABSENT_CLASSES)} classes of ILSVRC2012 are not among {self.name}'s: {absent}"


RELEASES: Final[Mapping[str, Release]] = MappingProxyType(
    {
        "winter21": Release(
            "winter21",
            10_450,
            "f49dde3d69946b8635586432f34f35985f807d168286ce5fde746aac3a7d94c8",
            {"train": 11_060_223, "val": 522_500},
            "imagenet21k_miil_w21_synsets.txt",
        ),
        "fall11": Release(
            "fall11",
            11_221,
            "cd76d977daaa2f13a4a91fca0f53713f2f29675308d4ce0f0ee0e5b07a3164c6",
            {"train": 11_797_632, "val": 561_052},
            "imagenet21k_miil_synsets.txt",
        ),
    }
)


def read_wnids(url: str, release: Release, options: StorageOptions) -> tuple[str, ...]:
    """Return the WNIDs of a release's class list by label; raise `SourceError` for another list."""
    wnids = tuple(
        info.get("wnid", info["name"]) for info in read_classes(url, storage_options=options).classes
    )
    check_wnids(wnids, release, f"the class list {url}", f"give {release.file}")
    return wnids


def check_wnids(wnids: Sequence[str], release: Release, where: str, advice: str) -> None:
    """Raise `SourceError` unless WNIDs are those of the release, in sorted order.

    Args:
        wnids: the WNIDs.
        release: the release.
        where: the place of the WNIDs, for errors.
        advice: the remedy, for errors.
    """
    sha256 = hashlib.sha256("".join(f"{wnid}\n" for wnid in wnids).encode()).hexdigest()
    if sha256 == release.sha256:
        return
    other = next((item.name for item in RELEASES.values() if item.sha256 == sha256), None)
    if other is not None:
        fault = f"has the classes of {other}"
    elif len(wnids) != release.classes:
        fault = f"has {len(wnids):,} classes"
    else:
        fault = "has other classes, or another order"
    raise SourceError(f"{where} {fault}, not the {release.classes:,} classes of {release.name}: {advice}")


def class_table(wnids: Sequence[str], tree: str | None, options: StorageOptions) -> tuple[Metadata, ...]:
    """Return the metadata of each class: its WNID, and from a semantic tree its name and parents' labels."""
    if tree is None:
        return tuple({"name": wnid, "wnid": wnid} for wnid in wnids)
    semantic_tree = read_tree(tree, wnids, options)
    return tuple(
        {"name": name, "wnid": wnid, "parents": list(parents)}
        for wnid, name, parents in zip(wnids, semantic_tree.names, semantic_tree.parents, strict=True)
    )
