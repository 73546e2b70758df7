"""Released data sets → references: where each image's bytes lie, its key, its label and the rest.

- `reference`    what a source yields
- `imagefolder`  one folder a class
- `table`        a CSV, TSV, JSONL or Parquet file that lists images
- `sidecars`     images with `.json`, `.txt` or `.cls` beside them, or one JSON for all
- `imagenet`     ILSVRC2012 as released; `ilsvrc` has its names
- `files`        the files of an input: a folder or an archive, on any store
- `archives`     tars, and tars of tars, listed in place; `windows` reads the remote ones
- `images`       which files are images, and the keys that they get
- `options`      what a source lets a person choose
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wds_imagenet.sources.imagefolder import imagefolder
from wds_imagenet.sources.imagenet import imagenet
from wds_imagenet.sources.options import Option, Source, options_of
from wds_imagenet.sources.reference import Listing, Metadata, Reference

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {source.__name__: source for source in (imagenet, imagefolder)}
)
"""Every source by its name; the first line of its docstring says what it lists."""

__all__ = ["SOURCES", "Listing", "Metadata", "Option", "Reference", "Source", "options_of"]
