"""`imagenetv2`: the class table and the lists of images of ImageNetV2 (Recht et al., 2019).

Formats, both JSON: `class_info.json` is a list of `{cid, wnid, synset, gloss}`, in which `cid` is the label.
`imagenetv2-b-33.json`, `-a-44` and `-c-12` are objects whose `image_filenames` are pairs `[hash, wnid]`.
"""

import hashlib
import re
from typing import Annotated, Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.devkit import CLASSES, WNID
from wds_imagenet.inputs.reference import Metadata
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.labels.annotation import Annotation, Labels
from wds_imagenet.storage.store import NO_OPTIONS, StorageOptions
from wds_imagenet.util import strict_json

_HASH: Final = re.compile(r"[0-9a-f]{40}")
_MAX_BYTES: Final = 16 << 20


def imagenetv2(
    url: str,
    *,
    class_info: Annotated[str | None, "class_info.json, for a list without images of all classes"] = None,
    storage_options: StorageOptions = NO_OPTIONS,
) -> Labels:
    """Read ImageNetV2's list of images (`imagenetv2-*.json`), or its class table (`class_info.json`).

    A list gives each image, by its hash, a label: the position of its WNID among the sorted thousand. A class
    table gives only classes.

    Args:
        url: the list or the class table.
        class_info: the class table, for a list without images of all classes.
        storage_options: storage options.

    Raises:
        SourceError: an entry is invalid or listed twice, or classes are missing; the message gives the entry.
    """
    value = _load(url, storage_options)
    if isinstance(value, list):
        return Labels(url, lambda _: None, 0, classes=_classes(value, url))
    table = read_class_info(class_info, storage_options=storage_options) if class_info is not None else ()
    images = _images(value, url)
    wnids = [info["wnid"] for info in table] or sorted(set(images.values()))
    if len(wnids) != CLASSES:
        raise SourceError(
            f"{url} has images of only {len(wnids):,} classes: give class_info.json, as option "
            "'imagenetv2.class_info'"
        )
    label_of = {wnid: label for label, wnid in enumerate(wnids)}
    for name, wnid in images.items():
        if wnid not in label_of:
            raise SourceError(f"{url}: {name} is of the class {wnid}, which class_info.json lacks")
    labels = {name: label_of[wnid] for name, wnid in images.items()}

    def find(stem: str) -> Annotation | None:
        return Annotation(label=labels[stem]) if stem in labels else None

    sha256 = hashlib.sha256(strict_json.dumps(labels)).hexdigest()
    return Labels(url, find, len(labels), labelled=True, classes=table, sha256=sha256)


def read_class_info(url: str, storage_options: StorageOptions = NO_OPTIONS) -> tuple[Metadata, ...]:
    """Return the classes of `class_info.json` by label: `name`, `wnid` and `gloss`.

    Guarantees that the labels are the positions of the thousand sorted WNIDs. Raises `SourceError` otherwise.
    """
    return _classes(_load(url, storage_options), url)


def _load(url: str, options: StorageOptions) -> Any:  # noqa: ANN401 - JSON
    data = read_file(url, options, max_bytes=_MAX_BYTES, unzips=True)
    try:
        return strict_json.loads(data, max_bytes=_MAX_BYTES)
    except ValueError as error:
        raise SourceError(f"{url} is not valid JSON: {error}") from error


def _classes(value: Any, url: str) -> tuple[Metadata, ...]:  # noqa: ANN401 - JSON
    classes: list[Metadata] = []
    for position, info in enumerate(value if isinstance(value, list) else []):
        match info:
            case {"cid": int(cid), "wnid": str(wnid), "synset": [*lemmas], "gloss": str(gloss)} if (
                cid == position
                and WNID.fullmatch(wnid)
                and lemmas
                and all(isinstance(lemma, str) for lemma in lemmas)
            ):
                classes.append({"name": ", ".join(lemmas), "wnid": wnid, "gloss": gloss})
            case _:
                raise SourceError(
                    f"{url}, entry {position}: {info!r:.80} is not the class {position} of class_info.json"
                )
    wnids = [info["wnid"] for info in classes]
    if wnids != sorted(set(wnids)) or len(wnids) != CLASSES:
        raise SourceError(f"{url} has {len(set(wnids)):,} classes; class_info.json has 1,000, sorted by WNID")
    return tuple(classes)


def _images(value: Any, url: str) -> dict[str, str]:  # noqa: ANN401 - JSON
    entries = value.get("image_filenames") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not entries:
        raise SourceError(f"{url} is neither class_info.json nor a list with 'image_filenames'")
    images: dict[str, str] = {}
    for position, entry in enumerate(entries):
        match entry:
            case [str(name), str(wnid)] if _HASH.fullmatch(name) and WNID.fullmatch(wnid):
                if name in images:
                    raise SourceError(f"{url}, entry {position}: {name} is listed twice")
                images[name] = wnid
            case _:
                raise SourceError(f"{url}, entry {position}: {entry!r:.80} is not [hash, WNID]")
    return images
