"""The class folders of a tree, and the files in it that are no images of a class.

A folder is a class folder if it has a file that is an image by its name or by its bytes.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final

from wds_imagenet.inputs.file_listing import FirstBytes
from wds_imagenet.inputs.image_files import is_image
from wds_imagenet.inputs.reference import Reference

_MAX_LOOKS: Final = 20
"""Files of a folder whose bytes are looked at, while no image is found."""


@dataclass(slots=True)
class _Extent:
    """The first and the last path of the images, and the least number of folders above one."""

    first: str = ""
    last: str = ""
    depth: int = sys.maxsize

    def add(self, path: str) -> None:
        """Take a path into account."""
        self.depth = min(self.depth, path.count("/"))
        self.first = min(self.first or path, path)
        self.last = max(self.last, path)

    def copy(self) -> "_Extent":
        """Return a copy."""
        return _Extent(self.first, self.last, self.depth)

    @property
    def common(self) -> str:
        """The folders around all classes, with a slash at the end."""
        ends = zip(self.first.split("/")[:-1], self.last.split("/")[:-1], strict=False)
        shared = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], ends)]
        # The innermost folder of the highest image is its class.
        return "".join(f"{folder}/" for folder in shared[: max(self.depth - 1, 0)])


@dataclass(slots=True)
class ClassFolders:
    """The class folders of a tree, found in one or two passes and without holding the paths of files.

    The first bytes of a file are read only in a folder that has no file with an image's name.
    """

    heads: FirstBytes
    common: str = ""
    """The folders around all classes, with a slash at the end."""
    names: dict[str, None] = field(default_factory=dict)
    """The class folders, in the order of the listing."""
    empty: bool = True
    """True if the tree has no image."""
    _named: _Extent = field(default_factory=_Extent)

    def watch(self, files: Iterable[Reference]) -> Iterator[Reference]:
        """Yield the files unchanged, and take their names into account."""
        for file in files:
            if is_image(file.name):
                self._named.add(file.name)
            yield file

    def find(self, files: Iterable[Reference]) -> None:
        """Find the class folders.

        Args:
            files: the files that were watched, each with its path as its name. They are iterated again.
        """
        extent = self._named
        if not extent.first:
            for file in _first_of_each_folder(files):
                if self.heads.is_image(file):
                    extent.add(file.name)
        self.empty = not extent.first
        while not self.empty:
            self.common, before = extent.common, extent.copy()
            self.names = {}
            self._scan(files, extent)
            if extent == before:
                return

    def folder(self, path: str) -> str | None:
        """Return the folder of a file below `common`, "" for a file beside or above the class folders.

        None for a file in another part of the tree.
        """
        if path.startswith(self.common):
            return path[len(self.common) :].rpartition("/")[0].partition("/")[0]
        return "" if self.common.startswith(path[: path.rfind("/") + 1]) else None

    def _scan(self, files: Iterable[Reference], extent: _Extent) -> None:
        """Collect the class folders; extend the extent by images that lie in another part of the tree."""
        looks: dict[str, int] = {}
        for file in files:
            folder = self.folder(file.name)
            if folder == "" or folder in self.names:
                continue
            place = self.common + folder if folder is not None else file.name.rpartition("/")[0]
            if is_image(file.name) or self._looks_like_image(file, place, looks):
                extent.add(file.name)
                if folder is not None:
                    self.names[folder] = None

    def _looks_like_image(self, file: Reference, place: str, looks: dict[str, int]) -> bool:
        if looks.get(place, 0) >= _MAX_LOOKS:
            return False
        looks[place] = looks.get(place, 0) + 1
        return self.heads.is_image(file)


def _first_of_each_folder(files: Iterable[Reference]) -> Iterator[Reference]:
    looks: dict[str, int] = {}
    for file in files:
        place = file.name.rpartition("/")[0]
        looks[place] = looks.get(place, 0) + 1
        if looks[place] <= _MAX_LOOKS:
            yield file
