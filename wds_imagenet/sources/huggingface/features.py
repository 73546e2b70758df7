"""Features: what Hugging Face writes of a table's columns, and which is used for what. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.parquet import ParquetColumn
from wds_imagenet.inputs.reference import Kind
from wds_imagenet.sources import columns
from wds_imagenet.util import strict_json

_MAX_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Features:
    """What the columns of a data set are used for."""

    image: str
    path: bool
    """Whether the images have paths."""
    label: str | None
    names: tuple[str, ...]
    """Of the classes, by label; none where only numbers are told."""
    caption: str | None
    metadata: Mapping[str, Kind]
    """All other columns, in their order."""
    left: tuple[str, ...]
    """Those that hold bytes, and so are left out."""


def understand(
    told: bytes | None,
    found: Mapping[str, ParquetColumn],
    url: str,
    *,
    image: str | None,
    label: str | None,
    caption: str | None,
) -> Features:
    """Return what the columns are used for: as asked (`""`: not), as the features tell, as is usual.

    Raises `SourceError` that names the columns, where that is not certain.
    """
    features = _features(told, url)
    image = _image(features, found, url, image)
    names: tuple[str, ...] = ()
    label = _label(features, found, url, label)
    if label is not None and features.get(label, {}).get("_type") == "ClassLabel":
        names = _names(features[label], f"{url}: the column {label!r}")
    texts = [name for name, column in found.items() if column.kind == "text" and name != label]
    caption = columns.choose(found if caption else texts, caption, columns.CAPTION, url)
    others = {n: column.kind for n, column in found.items() if n not in {image, label, caption}}
    return Features(
        image,
        found[image].has_path,
        label,
        names,
        caption,
        {name: kind for name, kind in others.items() if kind is not None},
        tuple(name for name, kind in others.items() if kind is None),
    )


def _features(told: bytes | None, url: str) -> Mapping[str, Mapping[str, Any]]:
    if told is None:
        return {}
    try:
        value = strict_json.loads(told, max_bytes=_MAX_BYTES)
        features = value["info"]["features"]
        return {name: item for name, item in features.items() if isinstance(item, dict)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{url}: what its schema tells of features cannot be read: {error!r}") from error


def _image(
    features: Mapping[str, Mapping[str, Any]], found: Mapping[str, ParquetColumn], url: str, asked: str | None
) -> str:
    able = [name for name, column in found.items() if column.holds_images]
    if asked is not None:
        if asked not in able:
            raise SourceError(f"{url} has no images in a column {asked!r}; those with bytes are {able}")
        return asked
    told = [name for name in able if features.get(name, {}).get("_type") == "Image"] or able
    if len(told) == 1:
        return told[0]
    usual = columns.choose(told, None, columns.IMAGE, url)
    if usual is None:
        what = f"several columns of images ({', '.join(told)})" if told else "no column with bytes of images"
        raise SourceError(f"{url} has {what} among {', '.join(found)}; one can be given as option 'image'")
    return usual


def _label(
    features: Mapping[str, Mapping[str, Any]], found: Mapping[str, ParquetColumn], url: str, asked: str | None
) -> str | None:
    told = [name for name in found if features.get(name, {}).get("_type") == "ClassLabel"]
    if asked is not None or not told:
        able = [name for name, column in found.items() if column.kind in {"integer", "number", "text"}]
        return columns.choose(found if asked else able, asked, columns.LABEL, url)
    usual = told[0] if len(told) == 1 else columns.choose(told, None, columns.LABEL, url)
    if usual is None:
        raise SourceError(
            f"{url} has several columns of labels ({', '.join(told)}): choose one, as option 'label'"
        )
    return usual


def _names(feature: Mapping[str, Any], where: str) -> tuple[str, ...]:
    names = feature.get("names")
    if isinstance(names, dict):  # as a README's YAML has it
        names = [names.get(str(label)) for label in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SourceError(f"{where}: the names of its classes cannot be read")
    return tuple(names)
