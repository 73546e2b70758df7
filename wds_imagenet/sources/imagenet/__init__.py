"""imagenet.

- `ground_truth`  What the labels of ILSVRC2012's images are: all that tells them, which must agree.
- `source`  `imagenet`: ILSVRC2012 as it was released, by its authors, by Kaggle or by Hugging Face.
"""
