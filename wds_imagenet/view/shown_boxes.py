"""The boxes of a sample, in the coordinates of the picture that a browser shows. Pure.

`boxes` in the JSON of a sample lists objects with `xmin`, `ymin`, `xmax` and `ymax`. The unit is a pixel of
`boxes_size` (ILSVRC: the image that the annotators saw), a pixel of the image (Kaggle), or the whole side
(Open Images). Boxes refer to the stored pixels, and a browser rotates a picture by its EXIF orientation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.orientation import Box as Corners
from wds_imagenet.images.orientation import stored_box
from wds_imagenet.view.tags import list_of, number

MAX_BOXES: Final = 300
"""Most boxes that are drawn on one picture."""
_LONGEST: Final = 1 << 31
"""Pixels of a side that no image has."""
_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")
_INVERSE: Final = {6: 8, 8: 6}
"""The inverse of each EXIF orientation that is not its own inverse."""


@dataclass(frozen=True, slots=True)
class ShownBox:
    """A box in the shown picture. The sides are fractions of its width and height, from 0 to 1."""

    name: str
    left: float
    top: float
    right: float
    bottom: float
    colour: int = 0
    """Index of the colour, from 0; one colour a name."""
    details: tuple[str, ...] = ()
    """Its attributes, such as `occluded` and `group_of`, and its source."""


def shown_boxes(json: Mapping[str, Any], header: ImageHeader, names: Mapping[str, str]) -> list[ShownBox]:
    """Return the boxes of a sample, at most `MAX_BOXES`. Entries that are no box are left out.

    Args:
        json: The JSON of the sample, of any content.
        header: Size and orientation of the image.
        names: Names of the classes by WNID.
    """
    found = [(entry, corners) for entry in list_of(json, "boxes") if (corners := _corners(entry))]
    width, height = _scale(json, header, [corners for _, corners in found])
    shown = _INVERSE.get(header.orientation, header.orientation)
    colours: dict[str, int] = {}
    boxes = []
    for entry, (left, top, right, bottom) in found[:MAX_BOXES]:
        stored = (_unit(left / width), _unit(top / height), _unit(right / width), _unit(bottom / height))
        name = _name(entry, names)
        colour = colours.setdefault(name, len(colours))
        boxes.append(ShownBox(name, *stored_box(stored, 1, 1, shown), colour, _details(entry)))
    return boxes


def _scale(json: Mapping[str, Any], header: ImageHeader, found: list[Corners]) -> tuple[float, float]:
    """Return the width and height of the image in the unit of the corners."""
    match json.get("boxes_size"):
        case [int(width), int(height)] if 0 < width < _LONGEST and 0 < height < _LONGEST:
            return width, height
    if all(edge <= 1 for corners in found for edge in corners):
        return 1, 1
    return header.width, header.height


def _corners(entry: object) -> Corners | None:
    match entry:
        case {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom}:
            edges = [found for edge in (left, top, right, bottom) if (found := number(edge)) is not None]
            if len(edges) == 4:
                left, top, right, bottom = edges
                return min(left, right), min(top, bottom), max(left, right), max(top, bottom)
    return None


def _name(entry: Mapping[str, Any], names: Mapping[str, str]) -> str:
    wnid = entry.get("wnid")
    name = names.get(wnid) if isinstance(wnid, str) else None
    return str(name or entry.get("name") or wnid or entry.get("id") or "")


def _details(entry: Mapping[str, Any]) -> tuple[str, ...]:
    details = [*list_of(entry, "attributes"), entry.get("source")]
    return tuple(detail for detail in details if isinstance(detail, str))


def _unit(value: float) -> float:
    return max(0.0, min(1.0, value))
