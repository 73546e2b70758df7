"""Files beside the images of an input: tables, lists, licences. They are noted, and never packed."""

from collections.abc import Iterable, Iterator
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.image_files import IgnoredFiles, suffix_of
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.shown import shown_name
from wds_imagenet.storage.url import parse_url

_METADATA: Final = frozenset({"metadata.csv", "metadata.jsonl", "metadata.parquet"})
"""Names of the tables that Hugging Face's `imagefolder` joins to the images beside them."""
_TABLES: Final = frozenset({"csv", "tsv", "jsonl", "ndjson", "parquet", "json"})


class Companions(IgnoredFiles):
    """A count of the files beside the images, which no source reads."""

    __slots__ = ("_first", "_last", "_named", "_url", "table")

    def __init__(self, url: str, *named: str | None) -> None:
        """Count files of one input.

        Args:
            url: the input, for errors and notes.
            named: files that options name, which are companions wherever they lie.
        """
        super().__init__()
        self._named = {parse_url(one).url for one in named if one is not None}
        self._url = url
        self._first = self._last = ""
        self.table: str | None = None
        """The first table among them."""

    def add_image(self, path: str) -> None:
        """Take the path of an image into account, for `is_beside`."""
        self._first = min(self._first or path, path)
        self._last = max(self._last, path)

    def without_named(self, files: Iterable[Reference]) -> Iterator[Reference]:
        """Yield the files but for those that options name, which are counted."""
        for file in files:
            if self._named and file.offset == 0 and parse_url(file.url).url in self._named:
                super().add(file.name)
            else:
                yield file

    def is_beside(self, path: str) -> bool:
        """Return True for a file in the innermost folder that all images have in common, or above it."""
        folder = path[: path.rfind("/") + 1]
        return self._first.startswith(folder) and self._last.startswith(folder)

    def check(self, path: str) -> None:
        """Raise `SourceError` for a table that is known to describe the images beside it."""
        if path.rpartition("/")[2].lower() in _METADATA:
            raise SourceError(
                f"{self._url}: {path} describes the images beside it, and this source does not read it: give "
                f"it to 'pack table' ({self._url.rstrip('/')}/{path}), or move it out of the way"
            )

    def add(self, path: str) -> None:
        """Count one file."""
        super().add(path)
        if suffix_of(path) in _TABLES:
            self.table = min(self.table or path, path)

    def notes(self, reason: str) -> list[str]:
        """Return the notes of `IgnoredFiles`, and one on a table."""
        notes = super().notes(reason)
        if self.table is not None:
            notes.append(
                f"{shown_name(self.table)} is not read; if it describes the images, 'pack table' reads it"
            )
        return notes
