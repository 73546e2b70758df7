"""The gallery: the response to each address.

/                                       the data set
/classes?text=&start=                   its classes
/samples?start=&count=&label=           a page of samples
/find?key=                              redirects to the sample of a key
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
from wds_imagenet.view.dataset_info import DatasetInfo, make_dataset_info
from wds_imagenet.view.item_reader import ItemReader
from wds_imagenet.view.overview import Overview, make_overview
from wds_imagenet.view.request import Request, read_request
from wds_imagenet.view.thumbnail import thumbnail

COUNTS: Final = range(1, 201)
"""Allowed numbers of samples a page."""
THUMBNAIL_SIDE: Final = 320
_CONVERTED_SIDE: Final = 1600
_SAMPLES_A_PAGE: Final = 48
_CLASSES_A_PAGE: Final = 200
_ITEM_PAGES: Final = frozenset({"sample", "image", "thumbnail"})
_THUMBNAIL_THREADS: Final = 4  # the largest image takes 300 MB in each
_BROWSER_FORMATS: Final[Mapping[str, str]] = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
}
"""Content types of the formats that every browser shows."""
_STATUSES: Final[Mapping[type[WdsImagenetError], tuple[int, str]]] = {
    UsageError: (400, "Bad request"),
    NotFoundError: (404, "Not found"),
    ImageError: (415, "No picture"),
    StoreError: (502, "The store failed"),
    WdsImagenetError: (500, "The data is bad"),
}
"""Status and title of each error; the first matching class counts."""


@dataclass(frozen=True, slots=True)
class Response:
    """The response to one request."""

    status: int
    kind: str
    """Content type."""
    body: bytes
    location: str | None = None
    """Address of a redirect."""


class Gallery:
    """The gallery of one data set. Safe to use from several threads."""

    def __init__(self, dataset: Dataset) -> None:
        pages.environment()  # raises now if Jinja is missing
        self.reader: Final = ItemReader(dataset)
        self.info: Final = read_dataset_info(dataset)
        self._lock: Final = threading.Lock()
        self._thumbnail_slots: Final = threading.BoundedSemaphore(_THUMBNAIL_THREADS)
        self._routes: Final[Mapping[str, Callable[[Request], Response]]] = {
            "": self._overview,
            "classes": self._classes,
            "samples": self._samples,
            "find": self._find,
            "sample": self._sample,
            "image": self._image,
            "thumbnail": self._thumbnail,
            "style.css": self._style,
        }

    def respond(self, address: str) -> Response:
        """Return the response to a GET of a path and query. An error becomes a page."""
        try:
            request = read_request(address)
            if request.page not in self._routes or (request.item and request.page not in _ITEM_PAGES):
                return _error(404, "Not found", "there is no such page")
            return self._routes[request.page](request)
        except WdsImagenetError as error:
            status, title = next(found for kind, found in _STATUSES.items() if isinstance(error, kind))
            return _error(status, title, "; ".join([str(error), *getattr(error, "__notes__", ())]))

    @cached_property
    def _made_overview(self) -> Overview:
        return make_overview(self.reader.dataset)

    def _overview(self, request: Request) -> Response:
        request.allow()
        with self._lock:  # made once
            overview = self._made_overview
        return _html(pages.overview_page(self.info, overview))

    def _classes(self, request: Request) -> Response:
        request.allow("text", "start")
        text = request.query.get("text", "")
        rows = self.info.classes.search(text)
        start = request.number("start", 0, range(max(1, len(rows))))
        return _html(pages.classes_page(self.info, rows, text, start, _CLASSES_A_PAGE))

    def _samples(self, request: Request) -> Response:
        request.allow("start", "count", "label")
        start = request.number("start", 0, range(max(1, self.info.samples)))
        count = request.number("count", _SAMPLES_A_PAGE, COUNTS)
        if not request.query.get("label"):
            items = self.reader.items(range(start, min(start + count, self.info.samples)))
            return _html(pages.gallery_page(self.info, items, start, count))
        label = request.number("label", 0)
        found = self.reader.find(label, start, count)
        items = self.reader.items(found.indices)
        page = pages.gallery_page(
            self.info, items, start, count, label=label, stop=found.stop, unreadable=found.unreadable
        )
        return _html(page)

    def _find(self, request: Request) -> Response:
        request.allow("key")
        key = request.query.get("key", "").strip()
        try:
            index = self.reader.dataset.index_of(key)
        except KeyError as error:
            raise NotFoundError(f"there is no sample with the key {key!r}") from error
        return Response(303, "text/plain; charset=utf-8", b"", f"/sample/{index}")

    def _sample(self, request: Request) -> Response:
        request.allow()
        return _html(pages.sample_page(self.info, self.reader.item(request.index(self.info.samples))))

    def _image(self, request: Request) -> Response:
        data = self._data(request)
        kind = _BROWSER_FORMATS.get(probe(data).format)
        return self._thumbnail_response(data, _CONVERTED_SIDE) if kind is None else Response(200, kind, data)

    def _thumbnail(self, request: Request) -> Response:
        return self._thumbnail_response(self._data(request), THUMBNAIL_SIDE)

    def _data(self, request: Request) -> bytes:
        request.allow()
        return self.reader.sample(request.index(self.info.samples)).image

    def _thumbnail_response(self, data: bytes, side: int) -> Response:
        with self._thumbnail_slots:
            return Response(200, "image/jpeg", thumbnail(data, side))

    def _style(self, request: Request) -> Response:
        request.allow()
        return Response(200, "text/css; charset=utf-8", pages.stylesheet().encode())


def read_dataset_info(dataset: Dataset) -> DatasetInfo:
    """Return the facts of an open data set and the layers beside it. Costs a listing."""
    shown = [layer.name for layer in dataset.layers]
    return make_dataset_info(
        dataset.url, dataset.manifest, dataset.classes, shown, list_layers(dataset.store)
    )


def _error(status: int, title: str, message: str) -> Response:
    return _html(pages.error_page(title, message), status)


def _html(page: str, status: int = 200) -> Response:
    return Response(status, "text/html; charset=utf-8", page.encode("utf-8", "replace"))
