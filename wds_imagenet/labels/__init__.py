"""Label files → classes and labels, which a source joins to its references by key.

- `annotation`  what a label file says of an image, in one form
- `devkit`   the ILSVRC devkit: the thousand classes, the labels of the validation images
- `classes`  a class list: which class has which label
- `naming`   labels of classes that go by numbers or names, such as folders
- `matfile`  MAT-files of level 5, without SciPy
- `semantic_tree`  what ImageNet-21K-P's classes are kinds of
- `tensors`  what `torch.save` wrote, without unpickling
- `files`    small files, alone, in a folder, in a tar or in a gzipped tar
- `pieces`   large files, piece by piece, plain, gzipped or zipped

Label sources, one file each, by name in `LABELS` (`registry`):

- `captions`    ImageNet-Captions; `entries` reads its JSON one entry at a time
- `real`        ReaL's labels of the validation images
- `imagenetv2`  ImageNetV2's lists of images and its class table
- `relabel`     ReLabel's label maps
- `boxes`       bounding boxes in PASCAL VOC's XML; `voc` reads one, `box` puts a box right
- `kaggle`      the CSVs of Kaggle's localization challenge
- `blacklist`   the validation images that localisation leaves out
- `names`       class names in any language; `numbered` reads the forms of their lists
- `records`     what such a file says, on disk, and `stems`, by which it is found
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from wds_imagenet.labels.classes import ClassList, read_classes
from wds_imagenet.labels.devkit import Devkit, SynsetInfo, read_devkit

if TYPE_CHECKING:
    from wds_imagenet.labels.names import ClassNames, read_class_names
    from wds_imagenet.labels.registry import LABELS

__all__ = [
    "LABELS",
    "ClassList",
    "ClassNames",
    "Devkit",
    "SynsetInfo",
    "read_class_names",
    "read_classes",
    "read_devkit",
]

# Imported when asked for: they build on the room of sources, which itself builds on this one.
_HOMES: Final = {"ClassNames": "names", "LABELS": "registry", "read_class_names": "names"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attributes are of many types
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
