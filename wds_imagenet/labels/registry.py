"""All label sources, by the names that `--labels NAME=URL` and `pack(labels=...)` accept.

To add a label source, such as a CSV of scores:

1. Write a module in this room with one function, named as the option: `scores(url, *, storage_options=...)`.
   A further option is a keyword argument, `Annotated[str | None, "its help"]` with the default None.
2. The function returns `annotation.Labels`. `inputs.large_files.read_lines` reads a file line by line, and
   `inputs.spilled.records` keeps a million annotations on disk. `imagenet.stems.released_stem` finds the stem
   of a copy's file name.
3. The first line of the function's docstring is its help: write the file's name and the fields.
4. List the function below.
5. Add a class to `tests/labels/test_contract.py` that inherits `LabelSourceContract`, the facts on which
   packing relies. Tests of the format itself go into `tests/labels/test_scores.py`.
"""

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
"""Every label source by name; the first line of its docstring is its help."""
