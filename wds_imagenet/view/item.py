"""One sample as it is shown. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from wds_imagenet.errors import DataError
from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.orientation import swaps
from wds_imagenet.images.probe import probe
from wds_imagenet.reading.fetch import BlockLocation
from wds_imagenet.sample import Sample
from wds_imagenet.view.boxes import Box, read_boxes
from wds_imagenet.view.tags import LABEL, Classes, Tag, tags_of

MOST_CHARACTERS: Final = 100_000
"""Of a caption, and of the JSON; what is longer is cut, and that is said."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Item:
    """A sample and where it lies."""

    index: int
    key: str
    location: BlockLocation
    members: tuple[tuple[str, int], ...]
    """Suffixes and bytes."""
    header: ImageHeader | None
    """None where there is no image, or none that can be read."""
    label: int | None
    tags: tuple[Tag, ...]
    names: tuple[tuple[str, str], ...]
    """What the class table says of the class, such as ("name_zh", "丁鲷")."""
    caption: str | None
    json: str
    """Indented; empty where there is none."""
    boxes: tuple[Box, ...]
    problems: tuple[str, ...]
    """What of it cannot be read, and why."""

    @property
    def title(self) -> str:
        """The name of its class, empty where it has no label."""
        return next((tag.name for tag in self.tags if tag.kind == LABEL), "")

    @property
    def width(self) -> int:
        """Of the picture as it is shown, in pixels; 1 if there is none."""
        return self._shown[0]

    @property
    def height(self) -> int:
        """Of the picture as it is shown, in pixels; 1 if there is none."""
        return self._shown[1]

    @property
    def _shown(self) -> tuple[int, int]:
        if self.header is None:
            return 1, 1
        size = self.header.width, self.header.height
        return size[::-1] if swaps(self.header.orientation) else size


def describe(
    sample: Sample, index: int, location: BlockLocation, classes: Classes, wnids: Mapping[str, str]
) -> Item:
    """Return what there is to show of a sample; what cannot be read becomes one of its problems.

    `wnids` has the names of classes by WNID, for boxes.
    """
    problems: list[str] = []

    def attempt(read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except DataError as error:
            problems.append(str(error))
            return otherwise

    def header_of() -> ImageHeader | None:
        return probe(sample.members[sample.suffix])

    known: dict[str, Any] = attempt(lambda: sample.json, {})
    label = attempt(lambda: sample.label, None) if known or "cls" in sample.members else None
    caption = attempt(lambda: sample.caption, None)
    header = attempt(header_of, None)
    of_class = classes[label] if label is not None and 0 <= label < len(classes) else {}
    return Item(
        index=index,
        key=sample.key,
        location=location,
        members=tuple((suffix, len(data)) for suffix, data in sample.members.items()),
        header=header,
        label=label,
        tags=tuple(tags_of(label, known, classes)),
        names=tuple((name, str(value)) for name, value in of_class.items() if name != "samples"),
        caption=None if caption is None else shorten(caption),
        json=shorten(json.dumps(known, ensure_ascii=False, indent=2)) if known else "",
        boxes=tuple(read_boxes(known, header, wnids)) if header is not None else (),
        problems=tuple(dict.fromkeys(problems)),
    )


def shorten(text: str, most: int = MOST_CHARACTERS) -> str:
    """Return a text of at most so many characters, and say how many are left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"
