"""The ILSVRC classification devkit: the thousand classes, and the labels of the validation images.

Classes have two numberings. ILSVRC2012_ID, 1 to 1000, is the order of `meta.mat` and of the ground truth.
The label, 0 to 999, is the position of the class's WNID among the sorted WNIDs. This module converts IDs to
labels once, so that all other code uses labels.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.mat import Value, read_mat
from wds_imagenet.inputs.small_files import read_files
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions

CLASSES: Final = 1000
VALIDATION_IMAGES: Final = 50_000
WNID: Final = re.compile(r"n[0-9]{8}")
_META: Final = ("meta.mat", "meta_clsloc.mat", "map_clsloc.txt")  # equivalent; the first is used
_GROUND_TRUTH: Final = re.compile(r"ILSVRC20\d\d_(clsloc_)?validation_ground_truth\.txt")


@dataclass(frozen=True, slots=True)
class SynsetInfo:
    """One of the thousand classes."""

    wnid: str
    """The WordNet ID, such as `n01440764`."""
    ilsvrc2012_id: int
    """1 to 1000: the number in the ground truth, not the label."""
    words: str
    """The synonyms, joined by `, `. Not unique: there are two `crane`."""
    train_images: int | None
    """The published number of training images; None if the devkit does not record it."""


@dataclass(frozen=True, slots=True)
class Devkit:
    """The contents of a devkit, by label: 0 to 999, the order of the sorted WNIDs."""

    classes: tuple[SynsetInfo, ...]
    """By label."""
    validation: tuple[int, ...]
    """The labels of the 50,000 validation images, from `ILSVRC2012_val_00000001` on."""


def read_devkit(url: str, storage_options: StorageOptions = NO_OPTIONS) -> Devkit:
    """Return the contents of a devkit.

    Guarantees a bijection between 1,000 WNIDs and the IDs 1 to 1000, and 50,000 labels. Reads the classes
    from `meta.mat`, else from `meta_clsloc.mat` or `map_clsloc.txt` of later years; all files must agree.

    Args:
        url: `ILSVRC2012_devkit_t12.tar.gz`, a devkit of a later year, or the folder of either, also as a zip.
        storage_options: storage options.

    Raises:
        SourceError: a file is missing, invalid, or contradicts another; the message gives file and line.
    """
    found = read_files(url, storage_options, _is_wanted)
    files = [(path.rsplit("/", 1)[-1], f"{url}: {path}", found[path]) for path in sorted(found)]
    metas = [(where, data) for meta in _META for name, where, data in files if name == meta]
    ground_truths = [(where, data) for name, where, data in files if _GROUND_TRUTH.fullmatch(name)]
    if not metas or not ground_truths:
        lacks = " or ".join(_META) if not metas else "ILSVRC2012_validation_ground_truth.txt"
        raise SourceError(f"{url} is not a devkit of ILSVRC: it has no {lacks}")
    classes = _classes(*metas[0])
    for where, data in metas[1:]:
        for info, other in zip(classes, _classes(where, data), strict=True):
            if (info.wnid, info.ilsvrc2012_id) != (other.wnid, other.ilsvrc2012_id):
                raise SourceError(
                    f"{metas[0][0]} has {info.wnid} with the ID {info.ilsvrc2012_id}, but {where} has "
                    f"{other.wnid} with the ID {other.ilsvrc2012_id}: use the files of one devkit"
                )
    validation = _validation(*ground_truths[0], classes)
    for where, data in ground_truths[1:]:
        if _validation(where, data, classes) != validation:
            raise SourceError(
                f"{ground_truths[0][0]} and {where} give different labels: remove the wrong file"
            )
    return Devkit(classes, validation)


def _is_wanted(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name in _META or _GROUND_TRUTH.fullmatch(name) is not None


def _classes(where: str, data: bytes) -> tuple[SynsetInfo, ...]:
    try:
        infos = list(_from_map(data) if where.endswith(".txt") else _from_mat(data))
    except SourceError as error:
        raise SourceError(f"{where}: {error}") from error
    infos.sort(key=lambda info: info.wnid)
    wnids = {info.wnid for info in infos}
    ids = {info.ilsvrc2012_id for info in infos}
    if not len(infos) == len(wnids) == CLASSES or ids != set(range(1, CLASSES + 1)):
        raise SourceError(
            f"{where} has {len(infos):,} classes with {len(wnids):,} WNIDs and {len(ids):,} IDs, "
            "not 1,000 WNIDs with the IDs 1 to 1000"
        )
    return tuple(infos)


def _from_mat(data: bytes) -> Iterator[SynsetInfo]:
    synsets = read_mat(data).get("synsets")
    for number, synset in enumerate(synsets if isinstance(synsets, list) else [], 1):
        where = f"synset {number}"
        if not isinstance(synset, dict):
            raise SourceError(f"{where} is not a struct")
        if _number(synset, "num_children", where, default=0):
            continue  # the inner nodes of the tree, IDs 1001 to 1860
        id_field = next((name for name in synset if name.endswith("ID") and name != "WNID"), "ID")
        yield SynsetInfo(
            wnid=_wnid(synset.get("WNID"), where),
            ilsvrc2012_id=_number(synset, id_field, where),
            words=_text(synset.get("words", synset.get("name")), where),
            train_images=_number(synset, "num_train_images", where),
        )


def _from_map(data: bytes) -> Iterator[SynsetInfo]:
    for number, line in enumerate(data.splitlines(), 1):
        match = re.fullmatch(rb"(n[0-9]{8}) ([0-9]{1,4}) ([ -~]+)", line.rstrip())
        if match is None:
            raise SourceError(f"line {number} is not 'WNID ID name': {line[:60]!r}")
        wnid, identity, words = (part.decode("ascii") for part in match.groups())
        yield SynsetInfo(wnid, int(identity), words.replace("_", " "), None)


def _validation(where: str, data: bytes, classes: tuple[SynsetInfo, ...]) -> tuple[int, ...]:
    label_of = {b"%d" % info.ilsvrc2012_id: label for label, info in enumerate(classes)}
    lines = data.split()
    for number, line in enumerate(lines, 1):
        if line not in label_of:
            raise SourceError(f"{where}, line {number}: {line[:20]!r} is not an ID from 1 to 1000")
    if len(lines) != VALIDATION_IMAGES:
        raise SourceError(f"{where} has {len(lines):,} labels, not {VALIDATION_IMAGES:,}")
    return tuple(label_of[line] for line in lines)


def _number(synset: Mapping[str, Value], field: str, where: str, default: int | None = None) -> int:
    value = synset.get(field)
    if value is None and default is not None:
        return default
    number = value[0] if isinstance(value, list) and len(value) == 1 else None
    if not isinstance(number, int | float) or not float(number).is_integer():
        raise SourceError(f"{where}: its {field} is {value!r:.40}, not a whole number")
    return int(number)


def _text(value: Value | None, where: str) -> str:
    if not isinstance(value, str):
        raise SourceError(f"{where}: {value!r:.40} is not a text")
    return value


def _wnid(value: Value | None, where: str) -> str:
    wnid = _text(value, where)
    if not WNID.fullmatch(wnid):
        raise SourceError(f"{where}: {wnid!r:.40} is not a WNID")
    return wnid
