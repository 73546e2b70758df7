"""Values → HTML: the one file that knows Jinja. Pure, and every text from a data set is escaped."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from wds_imagenet.errors import MissingExtraError
from wds_imagenet.view.facts import ClassRow, Facts
from wds_imagenet.view.histogram import Histogram, histogram
from wds_imagenet.view.item import Item, shorten
from wds_imagenet.view.overview import Survey

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER: Final = "templates"
_CAPTION: Final = 240


def overview(facts: Facts, survey: Survey) -> str:
    """Return the first page: what the data set is, and what a part of it is like."""
    return _render("overview.html", facts=facts, survey=survey, counts=class_counts(facts))


def classes(facts: Facts, rows: Sequence[ClassRow], words: str, start: int, count: int) -> str:
    """Return the page of those classes in which `words` occur, `count` of them from `start` on."""
    shown = rows[start : start + count]
    return _render("classes.html", facts=facts, rows=shown, total=len(rows), words=words, start=start)


def gallery(
    facts: Facts,
    items: Sequence[Item],
    start: int,
    count: int,
    *,
    label: int | None = None,
    stop: int = 0,
    unreadable: int = 0,
) -> str:
    """Return a page of samples in order; with a label, those of its class found up to `stop`."""
    return _render(
        "gallery.html",
        facts=facts,
        items=items,
        start=start,
        count=count,
        label=label,
        stop=stop if label is not None else min(start + count, facts.samples),
        unreadable=unreadable,
    )


def sample(facts: Facts, item: Item) -> str:
    """Return the page of one sample."""
    return _render("sample.html", facts=facts, item=item)


def problem(title: str, message: str) -> str:
    """Return the page that says what went wrong."""
    return _render("problem.html", title=title, message=message)


def whole(facts: Facts, survey: Survey, items: Sequence[Item], pictures: Mapping[int, bytes]) -> str:
    """Return all in one page, which loads nothing: the `pictures`, JPEGs by sample, are in it."""
    inlined = {i: f"data:image/jpeg;base64,{base64.b64encode(p).decode()}" for i, p in pictures.items()}
    style = stylesheet()
    return _render(
        "whole.html",
        facts=facts,
        survey=survey,
        counts=class_counts(facts),
        items=items,
        pictures=inlined,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


@cache
def stylesheet() -> str:
    """Return the style sheet of every page."""
    return (resources.files(__package__) / _FOLDER / "style.css").read_text("utf-8")


def class_counts(facts: Facts) -> Histogram | None:
    """Return how many classes have how many samples; None where all have the same, or none is counted."""
    counts = [row.samples for row in facts.classes.rows if row.samples is not None]
    return histogram("Classes by number of samples", counts) if len(set(counts)) > 1 else None


def language(column: str) -> str:
    """Return the language of a column such as `name_zh`, as HTML writes it; empty if it has none."""
    return column.removeprefix("name_").replace("_", "-") if column.startswith("name_") else ""


def _render(template: str, **values: object) -> str:
    return environment().get_template(template).render(values)


@cache
def environment() -> "Environment":
    """Return what fills in the templates. Raises `MissingExtraError` without Jinja."""
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
        "brief": lambda text: shorten(text, _CAPTION),
        "language": language,
    }
    return environment
