"""Facts about ImageNet: its classes, file names and annotation formats. No label or image is decided here.

The thousand classes and the images of ILSVRC2012:

- `devkit`         the ILSVRC devkit: the classes, and the labels of the validation images
- `filenames`      the names of the images: split, number and class
- `stems`          the stem under which label files list an image
- `kaggle_csv`     the CSVs of Kaggle's edition

Class lists and labels:

- `class_list`     a file that fixes the label of each class
- `packed_classes` the classes of a packed data set, as such a list
- `class_rows`     lists of classes: the number, WNID and names of each class, in any published form
- `class_cells`    the lines of such a list, cut into cells
- `class_naming`   the labels of classes that a data set calls by number or by name

ImageNet-21K:

- `synset_lists`    the class lists of the whole ImageNet
- `releases_21k_p`  the releases of ImageNet-21K-P
- `semantic_tree`   the parents of ImageNet-21K-P's classes

Bounding boxes:

- `voc_xml`  PASCAL VOC's XML, one file an image
- `box`      one bounding box in whole pixels, in order and inside the image
"""

from wds_imagenet.imagenet.class_list import ClassList, read_classes
from wds_imagenet.imagenet.devkit import Devkit, SynsetInfo, read_devkit

__all__ = ["ClassList", "Devkit", "SynsetInfo", "read_classes", "read_devkit"]
