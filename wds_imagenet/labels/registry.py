"""Every label source by its name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wds_imagenet.labels.annotation import LabelSource
from wds_imagenet.labels.blacklist import blacklist
from wds_imagenet.labels.boxes import boxes
from wds_imagenet.labels.captions import captions
from wds_imagenet.labels.class_names import names
from wds_imagenet.labels.imagenet_v2 import imagenetv2
from wds_imagenet.labels.kaggle import kaggle
from wds_imagenet.labels.real import real
from wds_imagenet.labels.relabel import relabel

LABELS: Final[Mapping[str, LabelSource]] = MappingProxyType(
    {
        source.__name__: source
        for source in (captions, real, imagenetv2, relabel, boxes, kaggle, blacklist, names)
    }
)
"""The first line of each docstring says what it reads."""
