"""Where boxes lie in a picture as it is shown, whichever of our forms they are in. Pure.

`boxes` in a sample's JSON is a list of objects with `xmin`, `ymin`, `xmax` and `ymax`. ILSVRC's are in pixels
of `boxes_size`, the image that the annotators saw; Kaggle's in pixels of the image; those of Open Images go
from 0 to 1. All of them lie on the pixels as they are stored, and a browser turns a picture as its EXIF says.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wds_imagenet.images.header import ImageHeader
from wds_imagenet.images.orientation import Box as Corners
from wds_imagenet.images.orientation import stored_box
from wds_imagenet.view.tags import list_of

MOST: Final = 300
"""More boxes than this are not drawn."""
_EDGES: Final = ("xmin", "ymin", "xmax", "ymax")
_BACK: Final = {6: 8, 8: 6}
"""Each orientation's opposite, where that is not itself."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box in the picture as it is shown, from 0 to 1 of its width and height."""

    name: str
    left: float
    top: float
    right: float
    bottom: float
    colour: int = 0
    """The same for boxes of one name, another for each name, from 0 on."""
    details: tuple[str, ...] = ()
    """What else is said of it: `occluded`, `group_of`, its source."""


def read_boxes(json: Mapping[str, Any], header: ImageHeader, names: Mapping[str, str]) -> list[Box]:
    """Return the boxes of a sample's JSON, at most `MOST`; what is no box is left out.

    `names` has the names of classes by WNID. Nothing is raised, whatever the JSON holds.
    """
    found = [(entry, corners) for entry in list_of(json, "boxes") if (corners := _corners(entry))]
    width, height = _scale(json, header, [corners for _, corners in found])
    shown = _BACK.get(header.orientation, header.orientation)
    colours: dict[str, int] = {}
    boxes = []
    for entry, (left, top, right, bottom) in found[:MOST]:
        stored = (_unit(left / width), _unit(top / height), _unit(right / width), _unit(bottom / height))
        name = _name(entry, names)
        colour = colours.setdefault(name, len(colours))
        boxes.append(Box(name, *stored_box(stored, 1, 1, shown), colour, _details(entry)))
    return boxes


def _scale(json: Mapping[str, Any], header: ImageHeader, found: list[Corners]) -> tuple[float, float]:
    """Return what a width and a height of 1 is in the units of the corners."""
    match json.get("boxes_size"):
        case [int(width), int(height)] if width > 0 and height > 0:
            return width, height
    if all(edge <= 1 for corners in found for edge in corners):
        return 1, 1
    return header.width, header.height


def _corners(entry: object) -> Corners | None:
    match entry:
        case {"xmin": left, "ymin": top, "xmax": right, "ymax": bottom}:
            edges = [edge for edge in (left, top, right, bottom) if type(edge) in {int, float}]
            if len(edges) == 4 and all(map(math.isfinite, edges)):
                left, top, right, bottom = map(float, edges)
                return min(left, right), min(top, bottom), max(left, right), max(top, bottom)
    return None


def _name(entry: Mapping[str, Any], names: Mapping[str, str]) -> str:
    wnid = entry.get("wnid")
    known = names.get(wnid) if isinstance(wnid, str) else None
    return str(known or entry.get("name") or wnid or entry.get("id") or "")


def _details(entry: Mapping[str, Any]) -> tuple[str, ...]:
    told = [*list_of(entry, "attributes"), entry.get("source")]
    return tuple(one for one in told if isinstance(one, str))


def _unit(value: float) -> float:
    return max(0.0, min(1.0, value))
