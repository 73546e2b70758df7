"""One sample in the form that the pages show. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from wds_imagenet.errors import DataError
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.orientation import swaps
from wds_imagenet.images.probe import probe
from wds_imagenet.reading.fetch_blocks import BlockLocation
from wds_imagenet.sample import Sample
from wds_imagenet.view.shown_boxes import ShownBox, shown_boxes
from wds_imagenet.view.tags import LABEL, Classes, Tag, tags_of

MAX_CHARACTERS: Final = 100_000
"""Most characters of a caption or of the JSON that are shown."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Item:
    """A sample, its location, and everything that its page shows."""

    index: int
    key: str
    location: BlockLocation
    members: tuple[tuple[str, int], ...]
    """Suffix and number of bytes of each member."""
    header: ImageHeader | None
    """None if there is no image, or its header cannot be read."""
    label: int | None
    tags: tuple[Tag, ...]
    names: tuple[tuple[str, str], ...]
    """Columns of the class table, such as ("name_zh", "丁鲷")."""
    caption: str | None
    json: str
    """Indented; empty if there is none."""
    boxes: tuple[ShownBox, ...]
    problems: tuple[str, ...]
    """A message for each part that cannot be read."""

    @property
    def title(self) -> str:
        """The name of its class; empty if it has no label."""
        return next((tag.name for tag in self.tags if tag.kind == LABEL), "")

    @property
    def width(self) -> int:
        """Width of the shown picture in pixels; 1 if there is none."""
        return self._shown_size[0]

    @property
    def height(self) -> int:
        """Height of the shown picture in pixels; 1 if there is none."""
        return self._shown_size[1]

    @property
    def _shown_size(self) -> tuple[int, int]:
        if self.header is None:
            return 1, 1
        size = self.header.width, self.header.height
        return size[::-1] if swaps(self.header.orientation) else size


def make_item(
    sample: Sample, index: int, location: BlockLocation, classes: Classes, class_names: Mapping[str, str]
) -> Item:
    """Return a sample as it is shown. A part that cannot be read becomes one of the problems.

    Args:
        sample: The sample.
        index: Its index in the data set.
        location: Its block.
        classes: The class table by label.
        class_names: The names of the classes by WNID, for boxes.
    """
    problems: list[str] = []

    def attempt(read: Callable[[], _T], default: _T) -> _T:
        try:
            return read()
        except DataError as error:
            problems.append(str(error))
            return default

    def header_of() -> ImageHeader | None:
        return probe(sample.members[sample.suffix])

    fields: dict[str, Any] = attempt(lambda: sample.json, {})
    label = attempt(lambda: sample.label, None) if fields or "cls" in sample.members else None
    caption = attempt(lambda: sample.caption, None)
    header = attempt(header_of, None)
    class_entry = classes[label] if label is not None and 0 <= label < len(classes) else {}
    return Item(
        index=index,
        key=sample.key,
        location=location,
        members=tuple((suffix, len(data)) for suffix, data in sample.members.items()),
        header=header,
        label=label,
        tags=tuple(tags_of(label, fields, classes)),
        names=tuple((name, str(value)) for name, value in class_entry.items() if name != "samples"),
        caption=None if caption is None else shorten(caption),
        json=shorten(json.dumps(fields, ensure_ascii=False, indent=2)) if fields else "",
        boxes=tuple(shown_boxes(fields, header, class_names)) if header is not None else (),
        problems=tuple(dict.fromkeys(problems)),
    )


def shorten(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return at most `limit` characters of a text, followed by the number of those left out."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"
