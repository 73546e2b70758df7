"""The releases of ImageNet-21K-P: which classes each has, known by a hash and never by their count."""

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
"""The classes of ILSVRC2012 that are in neither release."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a release was published with."""

    name: str
    classes: int
    sha256: str
    """Of its sorted WNIDs, each with a line feed behind it."""
    published: Mapping[str, int]
    """Images by split."""
    file: str
    """The class list's usual name."""

    @property
    def note(self) -> str:
        """What someone who fine-tunes on ILSVRC2012 ought to hear."""
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
    """Return the WNIDs of a class list by label; raise `SourceError` if it is not that of the release."""
    wnids = tuple(
        info.get("wnid", info["name"]) for info in read_classes(url, storage_options=options).classes
    )
    check_wnids(wnids, release, f"the class list {url}", f"{release.file} is its own")
    return wnids


def check_wnids(wnids: Sequence[str], release: Release, where: str, advice: str) -> None:
    """Raise `SourceError` for WNIDs that are not those of the release, in sorted order."""
    sha256 = hashlib.sha256("".join(f"{wnid}\n" for wnid in wnids).encode()).hexdigest()
    if sha256 == release.sha256:
        return
    other = next((known.name for known in RELEASES.values() if known.sha256 == sha256), None)
    if other is not None:
        fault = f"has the classes of {other}"
    elif len(wnids) != release.classes:
        fault = f"has {len(wnids):,} classes"
    else:
        fault = "has as many classes, but others or in another order"
    raise SourceError(f"{where} {fault}, and not the {release.classes:,} of {release.name}: {advice}")


def class_table(wnids: Sequence[str], tree: str | None, options: StorageOptions) -> tuple[Metadata, ...]:
    """Return what is known of each class; with a semantic tree its name, and its parents' labels."""
    if tree is None:
        return tuple({"name": wnid, "wnid": wnid} for wnid in wnids)
    known = read_tree(tree, wnids, options)
    return tuple(
        {"name": name, "wnid": wnid, "parents": list(parents)}
        for wnid, name, parents in zip(wnids, known.names, known.parents, strict=True)
    )
