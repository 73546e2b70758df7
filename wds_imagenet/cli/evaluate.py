"""`wds-imagenet evaluate`."""

from typing import TYPE_CHECKING

import click

from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.shared_options import as_json, parse_pairs, storage_option

if TYPE_CHECKING:
    from wds_imagenet.evaluation import EvaluationReport
    from wds_imagenet.evaluation.conventions import Convention
    from wds_imagenet.evaluation.text_files import Layout


@click.command()
@click.argument("predictions", nargs=-1, required=True)
@click.option(
    "--labels",
    multiple=True,
    required=True,
    metavar="NAME=FILE",
    callback=parse_pairs,
    help="Labels of a benchmark; may be repeated: devkit=ILSVRC2012_devkit_t12.tar.gz, real=real.json, "
    "kaggle=LOC_val_solution.csv, dataset=URL of a packed data set, or any source of 'pack', such as "
    "imagenet-v2=ARCHIVE or imagefolder=FOLDER. Some benchmarks need further files: "
    "synsets=LOC_synset_mapping.txt, boxes=ILSVRC2012_bbox_val_v3.tgz, blacklist=FILE.",
)
@click.option(
    "--convention",
    type=click.Choice(["ilsvrc2012-id", "sorted-index", "kaggle", "wnid"]),
    help="Class numbering of the predictions; required if they are bare numbers.",
)
@click.option(
    "--layout",
    type=click.Choice(["classification", "localisation"]),
    help="Layout of a text file of bare numbers; required for the text formats of ILSVRC.",
)
@click.option("--keys", metavar="FILE", help="File with the keys of the rows of an .npy file, one per line.")
@click.option(
    "--partial", is_flag=True, help="Score only the images that have predictions, and print their number."
)
@storage_option
@as_json
def evaluate(
    predictions: tuple[str, ...],
    labels: dict[str, str],
    convention: "Convention | None",
    layout: "Layout | None",
    keys: str | None,
    partial: bool,
    storage_options: dict[str, str],
    json: bool,
) -> None:
    """Score PREDICTIONS by the rules of each benchmark whose labels are given.

    PREDICTIONS may be a text file in the classification or localisation format of ILSVRC, or the
    submission.csv of Kaggle. It may also be a CSV file with the columns key,labels, or JSON lines with "key"
    and "labels". Logits come from an .npz file with logits [N, C] and keys [N], or from several, one per
    rank. Or they come from an .npy file with --keys.

    The top-k error is the share of images whose first k guesses are all wrong (eval_flat.m). In ReaL, the
    first guess is right if it is any label of the image. ReaL leaves out images without labels. In
    localisation, a guess is right if its class is right and its box overlaps a true box of that class by
    half or more. Boxes are measured in inclusive pixels (eval_localization_flat.m). Localisation leaves out
    the images of the blacklist.
    """
    from wds_imagenet.evaluation import evaluate as score

    report = score(
        predictions,
        labels,
        convention=convention,
        layout=layout,
        keys=keys,
        partial=partial,
        storage_options=storage_options,
    )
    if json:
        echo_json(report.to_json())
    else:
        echo("\n".join(_lines(report)))


def _lines(report: "EvaluationReport") -> list[str]:
    lines = [f"{report.predictions:,} predictions, classes by {report.convention}", ""]
    lines.append(f"{'':12s}{'':20s}{'images':>10s}" + "".join(f"   top-{k}  " for k in range(1, 6)).rstrip())
    for score in report.scores:
        rows = [("error", score.images, score.error), ("accuracy", score.images, score.accuracy)]
        if score.localisation_error:
            rows.append(("localisation error", score.localisation_images, score.localisation_error))
        for name, images, values in rows:
            figures = "".join(f"  {value:.5f}" for value in values)
            lines.append(f"{score.benchmark:12s}{name:20s}{images:10,}{figures}")
    return [*lines, *[""][: len(report.notes)], *(f"note: {note}" for note in report.notes)]
