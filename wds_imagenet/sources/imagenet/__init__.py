"""`imagenet`: one split of ILSVRC2012.

- `source`        the function: lists the images, or streams gzipped archives
- `image_labels`  the label of each image, from the devkit, a class list, Kaggle's CSV and file names
"""
