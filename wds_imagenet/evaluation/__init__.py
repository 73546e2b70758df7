"""Score prediction files by the rules of each benchmark: top-k errors, ReaL, localisation.

The whole:

- `evaluate`          read predictions and labels, match them, and score

Predictions:

- `predictions`       up to five ranked guesses an image, in one form for every file format
- `formats`           find the format of a file, and call its reader
- `text_files`        read the text format of ILSVRC, and turn rows of words into predictions
- `keyed_files`       read guesses by key: the CSV of Kaggle, our own CSV, and JSON lines
- `logit_files`       read logits from NumPy files, without pickle

Benchmarks:

- `benchmark_labels`  the labels of each benchmark, and the rule that scores them
- `true_boxes`        the true boxes of a benchmark, and the images that localisation leaves out
- `conventions`       the class numberings, and the conversion of numbers to labels
- `matching`          match predictions to images, by key or line by line

Scores:

- `accuracy`          top-k errors, by the rules of eval_flat.m and of ReaL
- `localisation`      guesses whose box is right, by the rule of eval_localization_flat.m
"""

from wds_imagenet.evaluation.evaluate import EvaluationReport, Score, evaluate
from wds_imagenet.evaluation.predictions import Predictions

__all__ = ["EvaluationReport", "Predictions", "Score", "evaluate"]
