"""PASCAL VOC's XML annotations, one file an image. Files are not trusted."""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from wds_imagenet.imagenet.box import Corners, parse_pixel

MAX_BYTES: Final = 1 << 20
_MAX_DEPTH: Final = 16
_MAX_TEXT: Final = 1000
_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
_OBJECT: Final = ("annotation", "object")
_WANTED: Final = frozenset(
    {("annotation", "size", side) for side in ("width", "height")}
    | {(*_OBJECT, "name")}
    | {(*_OBJECT, "bndbox", side) for side in _SIDES}
)


@dataclass(frozen=True, slots=True)
class VocAnnotation:
    """The contents of an annotation file."""

    size: tuple[int, int]
    """Width and height of the image that the annotators saw, which may differ from the released file."""
    objects: tuple[tuple[str, Corners], ...]
    """The name and box of each object, as written."""


def parse_voc(data: bytes) -> VocAnnotation:
    """Return the contents of an annotation file. Costs about 40 µs.

    Reads the size and each object's name and box; boxes of objects' parts are ignored.

    Args:
        data: the file's bytes.

    Raises:
        ValueError: the file is not valid, declares a document type (and so perhaps entities), or has more
            than 1 MiB or 16 levels. The message gives the line.
    """
    if len(data) > MAX_BYTES:
        raise ValueError(f"it has {len(data):,} bytes; at most {MAX_BYTES:,} are allowed")
    handlers = _Handlers()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = handlers.start
    parser.EndElementHandler = handlers.end
    parser.CharacterDataHandler = handlers.text
    parser.StartDoctypeDeclHandler = _reject_doctype
    try:
        parser.Parse(data, True)
        return handlers.result()
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = f"line {parser.CurrentLineNumber}: " if not isinstance(error, expat.ExpatError) else ""
        raise ValueError(f"{line}{error}") from error


def _reject_doctype(*_: object) -> None:
    raise ValueError("it declares a document type, which may hold entities: rejected")


@dataclass(slots=True)
class _Handlers:
    """The parser's handlers for one file, which collect the text of the wanted elements."""

    path: list[str] = field(default_factory=list)
    texts: list[str] | None = None
    size: dict[str, str] = field(default_factory=dict)
    objects: list[dict[str, str]] = field(default_factory=list)

    def start(self, name: str, _: dict[str, str]) -> None:
        self.path.append(name)
        if len(self.path) > _MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {_MAX_DEPTH}")
        path = tuple(self.path)
        if path == _OBJECT:
            self.objects.append({})
        self.texts = [] if path in _WANTED else None

    def text(self, text: str) -> None:
        if self.texts is not None:
            self.texts.append(text)

    def end(self, name: str) -> None:
        if self.texts is not None:
            fields = self.size if self.path[1] == "size" else self.objects[-1]
            text = "".join(self.texts).strip()
            if name in fields or not 0 < len(text) <= _MAX_TEXT:
                raise ValueError(f"<{name}> is {text!r:.40}, or occurs twice")
            fields[name] = text
            self.texts = None
        self.path.pop()

    def result(self) -> VocAnnotation:
        """Return the collected contents; raise `ValueError` if they are incomplete."""
        width, height = (self._number(self.size, name, "size") for name in ("width", "height"))
        if not (width >= 1 and height >= 1 and width.is_integer() and height.is_integer()):
            raise ValueError(f"<size> is {width:g} × {height:g}")
        objects = []
        for number, fields in enumerate(self.objects, 1):
            where = f"object {number}"
            if "name" not in fields:
                raise ValueError(f"{where} has no <name>")
            xmin, ymin, xmax, ymax = (self._number(fields, side, where) for side in _SIDES)
            objects.append((fields["name"], (xmin, ymin, xmax, ymax)))
        return VocAnnotation((int(width), int(height)), tuple(objects))

    def _number(self, fields: dict[str, str], name: str, where: str) -> float:
        if name not in fields:
            raise ValueError(f"{where} has no <{name}>")
        try:
            return parse_pixel(fields[name])
        except ValueError as error:
            raise ValueError(f"{where}, <{name}>: {error}") from error
