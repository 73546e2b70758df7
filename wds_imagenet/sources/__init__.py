"""Released data sets → references: where each image's bytes lie, its key, its label and the rest.

- `imagefolder`  one folder a class
- `imagenet`     ILSVRC2012 as released; `ilsvrc` knows its names, `kaggle` its CSVs, `truth` its labels
- `imagenet21k`  the whole ImageNet; `synsets` knows its class lists
- `imagenet21k_p`  ImageNet-21K-P; `releases` knows its class lists by their hashes
- `imagenet_v2`  the three test sets of ImageNet-V2
- `open_images`  Open Images; `flickr` knows its photographs, `verdicts` what is in them, `hosted` where
                 they are kept, `gathering` brings that together, `turning` turns boxes
- `table`        a CSV, TSV, JSONL or Parquet file that lists images; `rows` and `parquet` read it,
                 `columns` understands it, `places` finds the images, `grouping` joins rows of one
- `sidecars`     images with files `beside` them, or with one JSON of `annotations` for all
- `webdataset`   shards that are there already; `shards` reads them, `selection` says which samples are
                 taken and what their labels become
- `huggingface`  Parquet files with images in them; `features` tells what the columns are, `survey` what
                 all rows have
- `source_options`  Sources, and what each lets a person choose: read from its signature, so it is said once.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Attachment, Kind, Metadata, Reference
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.sources.huggingface.source import huggingface
from wds_imagenet.sources.imagefolder import imagefolder
from wds_imagenet.sources.imagenet.source import imagenet
from wds_imagenet.sources.imagenet21k import imagenet21k
from wds_imagenet.sources.imagenet21k_p import imagenet21k_p
from wds_imagenet.sources.imagenet_v2 import imagenet_v2
from wds_imagenet.sources.open_images.source import open_images
from wds_imagenet.sources.sidecars.source import sidecars
from wds_imagenet.sources.source_options import Option, Source, options_of, takes_several
from wds_imagenet.sources.table.source import table
from wds_imagenet.sources.webdataset.source import webdataset

_ALL: Final[Sequence[Source]] = (
    imagenet,
    imagenet21k,
    imagenet21k_p,
    imagenet_v2,
    open_images,
    imagefolder,
    table,
    sidecars,
    webdataset,
    huggingface,
)
SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {source.__name__.replace("_", "-"): source for source in _ALL}
)
"""Every source by its name; the first line of its docstring says what it lists."""

__all__ = [
    "SOURCES",
    "Attachment",
    "Kind",
    "Listing",
    "Metadata",
    "Option",
    "Reference",
    "Source",
    "SpilledReferences",
    "Stream",
    "StreamedImage",
    "huggingface",
    "imagefolder",
    "imagenet",
    "imagenet21k",
    "imagenet21k_p",
    "imagenet_v2",
    "open_images",
    "options_of",
    "sidecars",
    "spill_in_order",
    "spool_in_order",
    "table",
    "takes_several",
    "webdataset",
]
