"""Label files → classes and labels, which a source joins to its references by key.

- `annotation`  what a label file says of an image, in one form
- `devkit`   the ILSVRC devkit: the thousand classes, the labels of the validation images
- `classes`  a class list: which class has which label
- `naming`   labels of classes that go by numbers or names, such as folders
- `matfile`  MAT-files of level 5, without SciPy
- `files`    small files, alone, in a folder, in a tar or in a gzipped tar
"""

from wds_imagenet.labels.classes import ClassList, read_classes
from wds_imagenet.labels.devkit import Devkit, SynsetInfo, read_devkit

__all__ = ["ClassList", "Devkit", "SynsetInfo", "read_classes", "read_devkit"]
