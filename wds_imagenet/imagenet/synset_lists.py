"""The class lists of the whole ImageNet, identified by hash, not by length; and its damaged images.

fall11      21,841 synsets, sorted: the release of 2011
winter21    19,167 synsets, sorted: fall11 without 2,674 synsets, mostly of persons
google      21,843 synsets, sorted: fall11 with n03931044 and n09859684; "ImageNet-21K" of ViT and BiT
microsoft   21,842 synsets in the file's own order, ILSVRC2012's thousand first: fall11 with n04399382
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.imagenet.class_list import read_classes
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.storage.store import StorageOptions
from wds_imagenet.util.messages import quantity

_ADDED: Final = frozenset({"n03931044", "n09859684", "n04399382"})  # by Google and Microsoft
_IN_EVERY_LIST: Final = frozenset({"n01440764", "n00007846"})


@dataclass(frozen=True, slots=True)
class SynsetList:
    """A published class list of the whole ImageNet."""

    name: str
    count: int
    sha256: str | None
    """SHA-256 of the WNIDs in the order of the labels, each followed by a line feed; None if unknown."""
    images: int
    """The number of images in the list's release."""
    file: str
    """The usual file name of the list, or the command that makes it."""


SYNSET_LISTS: Final[Mapping[str, SynsetList]] = MappingProxyType(
    {
        item.name: item
        for item in (
            SynsetList(
                "fall11",
                21_841,
                "0ae24538751973797b29d8dec412b2bdc61bc4ec3ecd081eba0735804236bbd2",
                14_197_122,
                "imagenet22k_synsets.txt",
            ),
            SynsetList(
                "winter21",
                19_167,
                None,
                13_153_500,
                "the sorted names of the inner tars: tar -tzf winter21_whole.tar.gz | "
                "grep -oE 'n[0-9]{8}' | sort -u, which reads the archive once",
            ),
            SynsetList(
                "google",
                21_843,
                "66362bdedf36d933382edca5493fc562dcc17128ce36403c9e730a75f48cb2f2",
                14_197_122,
                "imagenet21k_goog_synsets.txt",
            ),
            SynsetList(
                "microsoft",
                21_842,
                "f2c7ac47500e1d1d70432d3cb2e2b2187c6880125439832bf4b4038f716ca278",
                14_197_122,
                "imagenet22k_ms_synsets.txt",
            ),
        )
    }
)

_WINTER21: Final = (
    "n01678043_6448", "n01896844_997", "n02368116_318", "n02428089_710", "n02487347_1956", "n02597972_5463",
    "n03957420_33553", "n03957420_30695", "n03957420_8296", "n04135315_9318", "n04135315_8814",
    "n04257684_9033", "n04427559_2974", "n06470073_47249", "n07930062_4147", "n09224725_3995",
    "n09359803_8155", "n09894445_7463", "n12353203_3849", "n12630763_8018",
)  # fmt: skip
_FALL11: Final = (
    *_WINTER21, "n09620794_5529", "n09789566_3522", "n10175248_583", "n10316360_4246", "n10368624_12550",
    "n10585217_8484", "n10721819_1131",
)  # fmt: skip
DAMAGED_IMAGES: Final = frozenset(_FALL11)
"""The stems of the damaged images in the releases; seven of them are in fall11 alone."""


def find_synset_list(name: str | None) -> SynsetList | None:
    """Return a class list by its name, None for None. Raises `UsageError` for an unknown name."""
    if name is not None and name not in SYNSET_LISTS:
        raise UsageError(f"option 'class_list' is one of {', '.join(SYNSET_LISTS)}, not {name!r}")
    return None if name is None else SYNSET_LISTS[name]


def damaged_images(synsets: SynsetList | None) -> tuple[str, ...]:
    """Return the stems of the images that are damaged in a list's release."""
    return _WINTER21 if synsets is SYNSET_LISTS["winter21"] else _FALL11


def read_wnids(url: str, synsets: SynsetList | None, options: StorageOptions) -> tuple[str, ...]:
    """Return the WNIDs of a class list by label; raise `SourceError` unless they are those of `synsets`."""
    entries = read_classes(url, storage_options=options).classes
    if "wnid" not in entries[0]:
        raise SourceError(f"the class list {url} has no WNIDs, only names, which are not unique")
    wnids = tuple(entry["wnid"] for entry in entries)
    if synsets is not None:
        check_wnids(wnids, synsets, f"the class list {url}")
    return wnids


def check_wnids(wnids: Sequence[str], synsets: SynsetList, where: str) -> None:
    """Raise `SourceError` unless WNIDs are those of the list, in the order of the labels."""
    sha256 = _hash(wnids)
    other = next((item.name for item in SYNSET_LISTS.values() if item.sha256 == sha256), None)
    if synsets.sha256 is None and other is None:
        fault = _unlike_winter21(wnids, synsets.count)
    elif sha256 == synsets.sha256:
        fault = None
    elif other is not None:
        fault = f"has the classes of {other}"
    elif len(wnids) != synsets.count:
        fault = f"has {quantity(len(wnids), 'classes')}"
    else:
        fault = "has other classes, or another order"
    if fault is not None:
        raise SourceError(
            f"{where} {fault}, not the {synsets.count:,} classes of {synsets.name}: give that list as option "
            f"'classes' ({synsets.file})"
        )


def class_table(wnids: Sequence[str], names: str | None, options: StorageOptions) -> tuple[Metadata, ...]:
    """Return the metadata of each class: its WNID, and its name, from the class list `names` or the WNID."""
    name_of = (
        {}
        if names is None
        else {
            c["wnid"]: c["name"] for c in read_classes(names, storage_options=options).classes if "wnid" in c
        }
    )
    lacking = [wnid for wnid in wnids if wnid not in name_of] if names is not None else []
    if lacking:
        raise SourceError(
            f"{names} has no name for {len(lacking):,} of the classes, the first is {lacking[0]}"
        )
    return tuple({"name": name_of.get(wnid, wnid), "wnid": wnid} for wnid in wnids)


def _unlike_winter21(wnids: Sequence[str], count: int) -> str | None:
    # No list of winter21 was published whose hash could be known, so the WNIDs' known properties are checked.
    if len(wnids) != count:
        return f"has {len(wnids):,} classes"
    if list(wnids) != sorted(wnids):
        return "is not sorted"
    if not _IN_EVERY_LIST.issubset(wnids) or not _ADDED.isdisjoint(wnids):
        return "has other classes"
    return None


def _hash(wnids: Sequence[str]) -> str:
    return hashlib.sha256("".join(f"{wnid}\n" for wnid in wnids).encode()).hexdigest()
