"""A prediction file and the labels of a benchmark in, its own figures out.

- `evaluate`      the whole: predictions, joined to each truth and scored
- `predictions`   ranked guesses for images, whatever file they came from
- `formats`       which format a file has; `texts`, `tables` and `arrays` read them
- `joins`         which prediction is for which image
- `conventions`   what the number of a class means
- `truths`        what the right answers are, and by which rule they are compared; `boxes` has where they are
- `accuracy`      top-k errors, by the rules of eval_flat.m and of ReaL
- `localisation`  which guesses lie where the object is, by the rule of eval_localization_flat.m
- `text_files`  Guesses as words: ILSVRC's submissions, and what words mean wherever they stand.
"""

from wds_imagenet.evaluation.evaluate import EvaluationReport, Score, evaluate
from wds_imagenet.evaluation.predictions import Predictions

__all__ = ["EvaluationReport", "Predictions", "Score", "evaluate"]
