"""`wds-imagenet evaluate`."""

from typing import TYPE_CHECKING

import click

from wds_imagenet.cli.shared_options import as_json, parse_pairs, storage_option
from wds_imagenet.util import strict_json

if TYPE_CHECKING:
    from wds_imagenet.evaluation import Report
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
    help="What is right; may be repeated. devkit=ILSVRC2012_devkit_t12.tar.gz, real=real.json, "
    "kaggle=LOC_val_solution.csv, dataset=URL of a packed one, imagenet-v2=ARCHIVE, imagefolder=FOLDER "
    "and other sources; and beside them "
    "synsets=LOC_synset_mapping.txt, boxes=ILSVRC2012_bbox_val_v3.tgz, blacklist=FILE.",
)
@click.option(
    "--convention",
    type=click.Choice(["ilsvrc2012-id", "sorted-index", "kaggle", "wnid"]),
    help="What the numbers of classes mean: needed wherever there are bare numbers.",
)
@click.option(
    "--format",
    "layout",
    type=click.Choice(["classification", "localisation"]),
    help="What lines of bare numbers are: needed for ILSVRC's text formats.",
)
@click.option("--keys", metavar="FILE", help="One key a line, for the rows of a .npy.")
@click.option("--partial", is_flag=True, help="Score the images that have predictions, and say how many.")
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
    """Score PREDICTIONS against the labels of a benchmark, by its own rules.

    PREDICTIONS is a file in ILSVRC's classification or localisation format, Kaggle's submission.csv, a CSV
    with the columns key,labels, JSON lines with "key" and "labels", or logits: an .npz with logits [N, C]
    and keys [N] (or several of them, one a rank), or an .npy with --keys.

    The error at k is the share of images for which none of the first k guesses is right (eval_flat.m).
    ReaL counts a first guess that is among the image's labels, and leaves out images without any. A guess is
    localised if its box and a true one of its class overlap by half or more, counting inclusive
    pixels (eval_localization_flat.m); images of the blacklist are left out there.
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
    click.echo(strict_json.dumps(report.to_json()).decode() if json else "\n".join(_lines(report)))


def _lines(report: "Report") -> list[str]:
    lines = [f"{report.predictions:,} predictions, classes by {report.convention}", ""]
    lines.append(f"{'':12s}{'':20s}{'images':>10s}" + "".join(f"   top-{k}  " for k in range(1, 6)).rstrip())
    for score in report.scores:
        rows = [("error", score.images, score.error), ("accuracy", score.images, score.accuracy)]
        if score.localisation_error:
            rows.append(("localisation error", score.localisation_images, score.localisation_error))
        for name, images, values in rows:
            figures = "".join(f"  {value:.5f}" for value in values)
            lines.append(f"{score.truth:12s}{name:20s}{images:10,}{figures}")
    return [*lines, *[""][: len(report.notes)], *(f"note: {note}" for note in report.notes)]
