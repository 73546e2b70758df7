"""Sources: one function for each released data set, which lists its images without reading them.

- `imagenet`         ILSVRC2012, as released by its authors, by Kaggle or by Hugging Face
- `imagenet21k`      the whole ImageNet: fall 2011 and winter 2021
- `imagenet21k_p`    ImageNet-21K-P, the processed ImageNet-21K
- `imagenet_v2`      the three test sets of ImageNet-V2
- `open_images`      Open Images V1 to V7
- `imagefolder`      one folder of images a class
- `table`            a CSV, TSV, JSON Lines or Parquet file that lists images
- `sidecars`         images, and their annotations in files of the same stem or in one JSON
- `webdataset`       WebDataset shards
- `huggingface`      Parquet files that hold images
- `registry`         all of them by name
- `columns`          shared by three sources: column names, and the types, labels and captions in cells
- `label_cells`     the labels in cells and fields: one class, or several
- `source_options`   a source's options, read from its signature

A data set is one module, or one folder whose module `source` holds the function. To add one:

1. Write `name(url, *, option=None, ..., storage_options=NO_OPTIONS) -> Listing | Stream`. The first line of
   its docstring and the `Annotated` texts of its options become `wds-imagenet pack NAME --help`.
2. Add the function to `registry`.
3. Write `tests/sources/test_name.py`: keys, labels, order, and an error that names the file for each fault.
"""

from wds_imagenet.inputs.listing import Listing
from wds_imagenet.inputs.reference import Attachment, Kind, Metadata, Reference
from wds_imagenet.inputs.stream import Stream, StreamedImage
from wds_imagenet.sources.huggingface.source import huggingface
from wds_imagenet.sources.imagefolder.source import imagefolder
from wds_imagenet.sources.imagenet.source import imagenet
from wds_imagenet.sources.imagenet21k import imagenet21k
from wds_imagenet.sources.imagenet21k_p import imagenet21k_p
from wds_imagenet.sources.imagenet_v2 import imagenet_v2
from wds_imagenet.sources.open_images.source import open_images
from wds_imagenet.sources.registry import SOURCES
from wds_imagenet.sources.sidecars.source import sidecars
from wds_imagenet.sources.source_options import Option, Source, options_of, takes_several
from wds_imagenet.sources.table.source import table
from wds_imagenet.sources.webdataset.source import webdataset

__all__ = [
    "SOURCES",
    "Attachment",
    "Kind",
    "Listing",
    "Metadata",
    "Option",
    "Reference",
    "Source",
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
    "table",
    "takes_several",
    "webdataset",
]
