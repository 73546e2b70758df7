"""Every source by its name. Add yours here: `wds_imagenet/sources/__init__.py` explains how to write one."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from wds_imagenet.sources.huggingface.source import huggingface
from wds_imagenet.sources.imagefolder.source import imagefolder
from wds_imagenet.sources.imagenet.source import imagenet
from wds_imagenet.sources.imagenet21k import imagenet21k
from wds_imagenet.sources.imagenet21k_p import imagenet21k_p
from wds_imagenet.sources.imagenet_v2 import imagenet_v2
from wds_imagenet.sources.open_images.source import open_images
from wds_imagenet.sources.sidecars.source import sidecars
from wds_imagenet.sources.source_options import Source
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
"""Every source by its name on the command line, such as `imagenet21k-p`."""
