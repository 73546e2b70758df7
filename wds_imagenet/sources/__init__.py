"""Released data sets → references: where each image's bytes lie, its key, its label and the rest.

- `reference`    what a source yields
- `imagefolder`  one folder a class
- `imagenet`     ILSVRC2012 as released; `ilsvrc` knows its names
- `table`        a CSV, TSV, JSONL or Parquet file that lists images; `rows` and `parquet` read it,
                 `columns` understands it, `places` finds the images
- `sidecars`     images with files `beside` them, or with one JSON of `annotations` for all
- `files`        the files of an input: a folder or an archive, on any store
- `archives`     tars, and tars of tars, listed in place; `windows` reads their headers
- `images`       which files are images, and the keys that they get
- `options`      what a source lets a person choose
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wds_imagenet.sources.imagefolder import imagefolder
from wds_imagenet.sources.imagenet import imagenet
from wds_imagenet.sources.options import Option, Source, options_of
from wds_imagenet.sources.reference import Arrival, Attachment, Kind, Listing, Metadata, Reference, Stream
from wds_imagenet.sources.sidecars import sidecars
from wds_imagenet.sources.table import table

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {source.__name__: source for source in (imagenet, imagefolder, table, sidecars)}
)
"""Every source by its name; the first line of its docstring says what it lists."""

__all__ = [
    "SOURCES",
    "Arrival",
    "Attachment",
    "Kind",
    "Listing",
    "Metadata",
    "Option",
    "Reference",
    "Source",
    "Stream",
    "imagefolder",
    "imagenet",
    "options_of",
    "sidecars",
    "table",
]
