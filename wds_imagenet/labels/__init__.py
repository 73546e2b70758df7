"""Label sources: files of labels, captions and further fields, joined to images by their stems.

- `annotation`        the form in which every label source returns its annotations
- `registry`          all label sources by name, and how to add one

One module a label source:

- `captions`     ImageNet-Captions
- `real`         ReaL's labels of the validation images
- `imagenet_v2`  ImageNetV2's lists of images, and its class table
- `relabel`      ReLabel's label maps
- `boxes`        bounding boxes in PASCAL VOC's XML
- `kaggle`       the CSVs of Kaggle's localization challenge
- `blacklist`    the validation images that ILSVRC's localisation leaves out
- `class_names`  class names in any language, from the column that `name_column` chooses
"""

from wds_imagenet.labels.class_names import ClassNames, read_class_names
from wds_imagenet.labels.registry import LABELS

__all__ = ["LABELS", "ClassNames", "read_class_names"]
