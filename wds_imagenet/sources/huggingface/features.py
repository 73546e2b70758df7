"""The columns of Parquet files, chosen by the features that Hugging Face writes into the schema. Pure."""

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
    """The column of images, of labels and of captions, and all others."""

    image: str
    path: bool
    """True if the images have paths."""
    label: str | None
    names: tuple[str, ...]
    """The class names by label; empty if the features have none."""
    caption: str | None
    metadata: Mapping[str, Kind]
    """All other columns, in their order."""
    left_out: tuple[str, ...]
    """Columns that are left out, because they hold bytes."""


def choose_features(
    info: bytes | None,
    found: Mapping[str, ParquetColumn],
    url: str,
    *,
    image: str | None,
    label: str | None,
    caption: str | None,
) -> Features:
    """Choose the columns of images, labels and captions: as asked, else by the features, else by usual names.

    Args:
        info: the JSON that Hugging Face writes into the schema, None if there is none.
        found: the columns of the file, by name.
        url: the file, for errors.
        image: the column of images asked for.
        label: the column of labels asked for; `""` for none.
        caption: the column of captions asked for; `""` for none.

    Raises:
        SourceError: the choice is uncertain, or a column asked for does not exist.
    """
    features = _parse(info, url)
    image = _choose_image(features, found, url, image)
    names: tuple[str, ...] = ()
    label = _choose_label(features, found, url, label)
    if label is not None and (feature := _class_label(features.get(label, {}))) is not None:
        names = _class_names(feature, f"{url}: the column {label!r}")
    texts = [name for name, column in found.items() if column.kind == "text" and name != label]
    caption = columns.choose_column(found if caption else texts, caption, columns.CAPTION, url)
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


def _parse(info: bytes | None, url: str) -> Mapping[str, Mapping[str, Any]]:
    if info is None:
        return {}
    try:
        value = strict_json.loads(info, max_bytes=_MAX_BYTES)
        features = value["info"]["features"]
        return {name: item for name, item in features.items() if isinstance(item, dict)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{url}: its schema's features cannot be read: {error!r}") from error


def _choose_image(
    features: Mapping[str, Mapping[str, Any]], found: Mapping[str, ParquetColumn], url: str, asked: str | None
) -> str:
    able = [name for name, column in found.items() if column.holds_images]
    if asked is not None:
        if asked not in able:
            raise SourceError(f"{url} has no images in a column {asked!r}; the columns with bytes are {able}")
        return asked
    images = [name for name in able if features.get(name, {}).get("_type") == "Image"] or able
    if len(images) == 1:
        return images[0]
    usual = columns.choose_column(images, None, columns.IMAGE, url)
    if usual is None:
        fault = (
            f"several columns of images ({', '.join(images)})" if images else "no column with bytes of images"
        )
        raise SourceError(f"{url} has {fault} among {', '.join(found)}: choose one, as option 'image'")
    return usual


def _choose_label(
    features: Mapping[str, Mapping[str, Any]], found: Mapping[str, ParquetColumn], url: str, asked: str | None
) -> str | None:
    labels = [name for name in found if _class_label(features.get(name, {})) is not None]
    if asked is not None or not labels:
        able = [name for name, column in found.items() if column.kind not in {None, "object"}]
        return columns.choose_label(found if asked else able, asked, url, "label")
    usual = labels[0] if len(labels) == 1 else columns.choose_column(labels, None, columns.LABEL, url)
    if usual is None:
        raise SourceError(
            f"{url} has several columns of labels ({', '.join(labels)}): choose one, as option 'label'"
        )
    return usual


def _class_label(feature: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the feature of a class label, also that of the labels in a list; None for another feature."""
    if feature.get("_type") == "ClassLabel":
        return feature
    inner = feature.get("feature")
    return inner if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" else None


def _class_names(feature: Mapping[str, Any], where: str) -> tuple[str, ...]:
    names = feature.get("names")
    if isinstance(names, dict):  # the form in a README's YAML
        names = [names.get(str(label)) for label in range(len(names))]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SourceError(f"{where}: the names of its classes cannot be read")
    return tuple(names)
