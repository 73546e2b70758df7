"""Facts about ImageNet: its classes, file names and annotation formats.

- `devkit`           the ILSVRC devkit: the thousand classes, and the labels of the validation images
- `filenames`        the names of ILSVRC2012's images
- `stems`            the stem by which label files and images are matched
- `kaggle_csv`       the CSVs of Kaggle's edition
- `class_list`       a file that fixes which class has which label
- `class_naming`     labels of classes that are named by numbers or by names
- `synset_lists`     the class lists of ImageNet-21K
- `releases_21k_p`   the releases of ImageNet-21K-P
- `semantic_tree`    the parents of ImageNet-21K-P's classes
- `voc_xml`          PASCAL VOC's XML, and `box`, one bounding box made valid
"""

from wds_imagenet.imagenet.class_list import ClassList, read_classes
from wds_imagenet.imagenet.devkit import Devkit, SynsetInfo, read_devkit

__all__ = ["ClassList", "Devkit", "SynsetInfo", "read_classes", "read_devkit"]
