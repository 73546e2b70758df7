"""Render values to HTML. Pure; every text from a data set is escaped, and only this file imports Jinja."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from wds_imagenet.errors import MissingExtraError
from wds_imagenet.view.class_table import ClassRow
from wds_imagenet.view.dataset_info import DatasetInfo
from wds_imagenet.view.histogram import Histogram, histogram
from wds_imagenet.view.item import Item, shorten
from wds_imagenet.view.overview import Overview

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER: Final = "templates"
_BRIEF: Final = 240
"""Characters of a text that a card of the gallery shows."""


def overview_page(info: DatasetInfo, overview: Overview) -> str:
    """Return the first page: the facts of the data set, and a summary of its samples."""
    return _render("overview.html", info=info, overview=overview, counts=class_counts(info))


def classes_page(info: DatasetInfo, rows: Sequence[ClassRow], text: str, start: int, count: int) -> str:
    """Return a page of the classes that a search found.

    Args:
        info: The facts of the data set.
        rows: All classes that the search found.
        text: The text of the search.
        start: First class on the page.
        count: Classes on the page.
    """
    shown = rows[start : start + count]
    return _render("classes.html", info=info, rows=shown, total=len(rows), text=text, start=start)


def gallery_page(
    info: DatasetInfo,
    items: Sequence[Item],
    start: int,
    count: int,
    *,
    label: int | None = None,
    stop: int = 0,
    unreadable: int = 0,
) -> str:
    """Return a page of samples.

    Args:
        info: The facts of the data set.
        items: The samples on the page.
        start: First index of the page, or of the search.
        count: Samples a page.
        label: The class that was searched; None for all samples in order.
        stop: Index at which the search stopped.
        unreadable: Number of samples whose labels cannot be read.
    """
    return _render(
        "gallery.html",
        info=info,
        items=items,
        start=start,
        count=count,
        label=label,
        stop=stop if label is not None else min(start + count, info.samples),
        unreadable=unreadable,
    )


def sample_page(info: DatasetInfo, item: Item) -> str:
    """Return the page of one sample."""
    return _render("sample.html", info=info, item=item)


def error_page(title: str, message: str) -> str:
    """Return the page of an error."""
    return _render("error.html", title=title, message=message)


def single_page(
    info: DatasetInfo, overview: Overview, items: Sequence[Item], pictures: Mapping[int, bytes]
) -> str:
    """Return the whole view in one page that loads nothing.

    Args:
        info: The facts of the data set.
        overview: The summary of its samples.
        items: The samples on the page.
        pictures: JPEGs by the index of the sample.
    """
    inlined = {i: f"data:image/jpeg;base64,{base64.b64encode(p).decode()}" for i, p in pictures.items()}
    style = stylesheet()
    return _render(
        "single.html",
        info=info,
        overview=overview,
        counts=class_counts(info),
        items=items,
        pictures=inlined,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


@cache
def stylesheet() -> str:
    """Return the style sheet of every page."""
    return (resources.files(__package__) / _FOLDER / "style.css").read_text("utf-8")


def class_counts(info: DatasetInfo) -> Histogram | None:
    """Return the histogram of samples a class; None if all counts are equal, or there is none."""
    counts = [row.samples for row in info.classes.rows if row.samples is not None]
    return histogram("Classes by number of samples", counts) if len(set(counts)) > 1 else None


def language(column: str) -> str:
    """Return the HTML language of a column such as `name_zh`; empty if it has none."""
    return column.removeprefix("name_").replace("_", "-") if column.startswith("name_") else ""


def _render(template: str, **values: object) -> str:
    return environment().get_template(template).render(values)


@cache
def environment() -> "Environment":
    """Return the environment of the templates. Raises `MissingExtraError` without Jinja."""
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError.of("view", "showing a data set in a browser") from error
    environment = Environment(
        loader=PackageLoader(__package__, _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": "{:,}".format,
        "brief": lambda text: shorten(text, _BRIEF),
        "language": language,
    }
    return environment
