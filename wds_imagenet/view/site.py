"""What each address of the gallery answers.

/                                       the data set
/classes?words=&start=                  its classes
/samples?start=&count=&label=           a page of samples
/find?key=                              leads to the sample of a key
/sample/17  /image/17  /thumbnail/17    one sample: its page, its image as stored, a small one
/style.css
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from wds_imagenet.errors import ImageError, NotFoundError, StoreError, UsageError, WdsImagenetError
from wds_imagenet.images.probe import probe
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.layers import list_layers
from wds_imagenet.view import pages
from wds_imagenet.view.facts import Facts, facts_of
from wds_imagenet.view.overview import Survey, survey
from wds_imagenet.view.reader import Reader
from wds_imagenet.view.target import Target, read_target
from wds_imagenet.view.thumbnail import thumbnail

COUNTS: Final = range(1, 201)
"""How many samples a page may have."""
THUMBNAIL: Final = 320
_LARGE: Final = 1600
_COUNT: Final = 48
_CLASSES: Final = 200
_OF_ONE: Final = frozenset({"sample", "image", "thumbnail"})
_PAINTERS: Final = 4  # of the largest image each takes 300 MB
_SHOWN: Final[Mapping[str, str]] = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
}
"""The formats that every browser shows."""
_STATUSES: Final[Mapping[type[WdsImagenetError], tuple[int, str]]] = {
    UsageError: (400, "Not understood"),
    NotFoundError: (404, "Not found"),
    ImageError: (415, "No picture"),
    StoreError: (502, "The store failed"),
    WdsImagenetError: (500, "The data is bad"),
}
"""The first that fits counts."""


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent back."""

    status: int
    kind: str
    """The content type."""
    body: bytes
    location: str | None = None
    """Where it leads to."""


class Site:
    """The gallery of one data set. May be asked from several threads."""

    def __init__(self, dataset: Dataset) -> None:
        pages.environment()  # what is missing is said now
        self.reader: Final = Reader(dataset)
        self.facts: Final = read_facts(dataset)
        self._lock: Final = threading.Lock()
        self._painters: Final = threading.BoundedSemaphore(_PAINTERS)
        self._routes: Final[Mapping[str, Callable[[Target], Response]]] = {
            "": self._overview,
            "classes": self._classes,
            "samples": self._samples,
            "find": self._find,
            "sample": self._sample,
            "image": self._image,
            "thumbnail": self._thumbnail,
            "style.css": self._style,
        }

    def answer(self, target: str) -> Response:
        """Return the answer to a GET of this path and query; of an error, a page that tells it."""
        try:
            asked = read_target(target)
            if asked.page not in self._routes or (asked.which and asked.page not in _OF_ONE):
                return _problem(404, "Not found", "there is no such page")
            return self._routes[asked.page](asked)
        except WdsImagenetError as error:
            status, title = next(found for kind, found in _STATUSES.items() if isinstance(error, kind))
            return _problem(status, title, "; ".join([str(error), *getattr(error, "__notes__", ())]))

    @cached_property
    def _survey(self) -> Survey:
        return survey(self.reader.dataset)

    def _overview(self, target: Target) -> Response:
        target.only()
        with self._lock:  # made once
            found = self._survey
        return _html(pages.overview(self.facts, found))

    def _classes(self, target: Target) -> Response:
        target.only("words", "start")
        words = target.fields.get("words", "")
        rows = self.facts.classes.search(words)
        start = target.number("start", 0, range(max(1, len(rows))))
        return _html(pages.classes(self.facts, rows, words, start, _CLASSES))

    def _samples(self, target: Target) -> Response:
        target.only("start", "count", "label")
        start = target.number("start", 0, range(max(1, self.facts.samples)))
        count = target.number("count", _COUNT, COUNTS)
        if not target.fields.get("label"):
            items = self.reader.items(range(start, min(start + count, self.facts.samples)))
            return _html(pages.gallery(self.facts, items, start, count))
        label = target.number("label", 0)
        found = self.reader.find(label, start, count)
        items = self.reader.items(found.indices)
        page = pages.gallery(
            self.facts, items, start, count, label=label, stop=found.stop, unreadable=found.unreadable
        )
        return _html(page)

    def _find(self, target: Target) -> Response:
        target.only("key")
        key = target.fields.get("key", "").strip()
        try:
            index = self.reader.dataset.index_of(key)
        except KeyError as error:
            raise NotFoundError(f"there is no sample with the key {key!r}") from error
        return Response(303, "text/plain; charset=utf-8", b"", f"/sample/{index}")

    def _sample(self, target: Target) -> Response:
        target.only()
        return _html(pages.sample(self.facts, self.reader.item(target.index(self.facts.samples))))

    def _image(self, target: Target) -> Response:
        data = self._data(target)
        kind = _SHOWN.get(probe(data).format)
        return self._paint(data, _LARGE) if kind is None else Response(200, kind, data)

    def _thumbnail(self, target: Target) -> Response:
        return self._paint(self._data(target), THUMBNAIL)

    def _data(self, target: Target) -> bytes:
        target.only()
        return self.reader.sample(target.index(self.facts.samples)).image

    def _paint(self, data: bytes, side: int) -> Response:
        with self._painters:
            return Response(200, "image/jpeg", thumbnail(data, side))

    def _style(self, target: Target) -> Response:
        target.only()
        return Response(200, "text/css; charset=utf-8", pages.stylesheet().encode())


def read_facts(dataset: Dataset) -> Facts:
    """Return what is known of an open data set, and which layers lie beside it. Costs a listing."""
    shown = [layer.name for layer in dataset.layers]
    return facts_of(dataset.url, dataset.manifest, dataset.classes, shown, list_layers(dataset.store))


def _problem(status: int, title: str, message: str) -> Response:
    return _html(pages.problem(title, message), status)


def _html(page: str, status: int = 200) -> Response:
    return Response(status, "text/html; charset=utf-8", page.encode("utf-8", "replace"))
