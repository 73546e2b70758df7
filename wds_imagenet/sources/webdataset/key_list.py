"""A list of keys to select, as people publish them: keys, file names, or paths."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from wds_imagenet.errors import SourceError
from wds_imagenet.sample import IMAGE_SUFFIXES

_SUFFIX: Final = re.compile(rf"\.(?:{'|'.join(sorted(IMAGE_SUFFIXES))})", re.IGNORECASE)
# A path, and the label that lists of images write after it.
_WITH_LABEL: Final = re.compile(rf"(.+{_SUFFIX.pattern})(?:\s+|\s*[,;]\s*)[^\s/]+", re.IGNORECASE)


class KeyList:
    """The lines of a list, found by the keys that they stand for.

    A line stands for the key that it holds, also without the suffix of an image: `n01440764_29.JPEG`. A path
    stands for the key at its end, and a name for the key that ends with it: `train/n01440764/n01440764_29`
    and `n01440764_29` find each other. A label after a path is ignored.

    Args:
        lines: the lines of the list.
        url: the list, for errors.
    """

    def __init__(self, lines: Iterable[str], url: str) -> None:
        self.url: Final = url
        self._line_of: dict[str, str] = {}
        self._line_by_end: dict[str, str | None] = {}
        self._key_of: dict[str, str] = {}
        for line in filter(None, map(str.strip, lines)):
            match = _WITH_LABEL.fullmatch(line)
            path = _without_suffix(line if match is None else match[1])
            self._line_of[path] = line
            for end in _ends(path):
                self._line_by_end[end] = None if self._line_by_end.get(end, path) != path else path
        if not self._line_of:
            raise SourceError(f"{url} lists no keys")

    def has(self, key: str) -> bool:
        """Return True if a line stands for a key, and remember it.

        Raises:
            SourceError: several lines stand for the key, or the line stands for several keys.
        """
        path = self._find(key)
        if path is None:
            return False
        if self._key_of.setdefault(path, key) != key:
            raise SourceError(
                f"{self.url}: {self._line_of[path]!r:.80} stands for {self._key_of[path]!r} and {key!r}: "
                "write whole keys"
            )
        return True

    def missing(self) -> list[str]:
        """Return the lines that stood for no key, in their order."""
        return [line for path, line in self._line_of.items() if path not in self._key_of]

    def _find(self, key: str) -> str | None:
        if key in self._line_of:
            return key
        bare = _without_suffix(key)
        if bare in self._line_by_end:
            path = self._line_by_end[bare]
            if path is None:
                raise SourceError(f"{self.url}: several lines end with the key {key!r}: remove all but one")
            return path
        return next((end for end in (bare, *_ends(bare)) if end in self._line_of), None)


def _without_suffix(path: str) -> str:
    end = path.rfind(".")
    return path[:end] if end > 0 and _SUFFIX.fullmatch(path[end:]) else path


def _ends(path: str) -> Iterator[str]:
    """Yield the path without its first folder, without its first two, and so on."""
    at = path.find("/")
    while at >= 0:
        yield path[at + 1 :]
        at = path.find("/", at + 1)
