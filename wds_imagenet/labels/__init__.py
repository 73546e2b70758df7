"""Label files → labels, captions and further fields, which packing joins to images by their stems.

`registry` lists every label source by its name; `annotation` is the form that all of them return.

- `captions`       ImageNet-Captions
- `real`           ReaL's labels of the validation images
- `imagenet_v2`    ImageNetV2's lists of images and its class table
- `relabel`        ReLabel's label maps
- `boxes`          bounding boxes in PASCAL VOC's XML
- `kaggle`         the CSVs of Kaggle's localization challenge
- `blacklist`      the validation images that localisation leaves out
- `class_names`    class names in any language; `numbered_names` parses the forms of their lists
"""

from wds_imagenet.labels.class_names import ClassNames, read_class_names
from wds_imagenet.labels.registry import LABELS

__all__ = ["LABELS", "ClassNames", "read_class_names"]
