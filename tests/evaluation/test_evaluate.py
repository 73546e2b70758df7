"""Against the genuine devkit and the genuine ReaL labels."""

import json
from pathlib import Path

import numpy as np
import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation import Predictions, evaluate

KEYS = [f"ILSVRC2012_val_{n:08d}" for n in range(1, 50_001)]
DEMO = (0.99898, 0.99802, 0.99722, 0.99620, 0.99500)


def ranked(labels, keys=KEYS):
    """Predictions by label, as logits would give them."""
    guesses = np.full((len(labels), 5), -1)
    guesses[:, 0] = labels
    return Predictions(guesses, "column", tuple(keys), "row {}".format, columns=1000)


@pytest.mark.genuine("the devkit's demo.val.pred.txt scores as its readme says, top-1 error 0.99898")
def test_the_demo_of_the_devkit_scores_as_its_readme_says(evaluation_folder, devkit_tar):
    demo = str(evaluation_folder / "evaluation" / "demo.val.pred.txt")
    labels = {"devkit": devkit_tar}
    report = evaluate(demo, labels, convention="ilsvrc2012-id", layout="classification")
    (score,) = report.scores
    assert score.error == pytest.approx(DEMO, abs=1e-12)
    assert (score.images, score.excluded, report.predictions) == (50_000, 0, 50_000)


def test_the_demo_of_localisation_scores_as_a_second_implementation_does(evaluation_folder, devkit_tar):
    demo = evaluation_folder / "evaluation" / "demo.val.pred.det.txt"
    labels = {"devkit": devkit_tar}
    report = evaluate(str(demo), labels, convention="ilsvrc2012-id", layout="localisation")
    truth = (evaluation_folder / "data" / "ILSVRC2012_validation_ground_truth.txt").read_text().split()
    rows = [line.split()[::5] for line in demo.read_text().splitlines()]
    wrong = [
        sum(gt not in row[:k] for gt, row in zip(truth, rows, strict=True)) / 50_000 for k in range(1, 6)
    ]
    assert report.scores[0].error == pytest.approx(wrong)
    assert report.scores[0].localisation_error == ()
    assert any("no localisation error" in note for note in report.notes)


def test_the_original_labels_are_right_for_real_as_often_as_published(kit, devkit_tar, real_json):
    report = evaluate(ranked(kit.validation), {"devkit": devkit_tar, "real": real_json})
    original, real = report.scores
    assert (original.error[0], original.images) == (0, 50_000)
    assert (real.images, real.excluded, len(real.error)) == (46_837, 3_163, 1)
    assert round(real.accuracy[0] * real.images) == 42_164
    assert real.accuracy[0] == pytest.approx(42_164 / 46_837)


def test_real_alone_needs_no_devkit_and_no_prediction_for_excluded_images(kit, real_json):
    all_scored = evaluate(ranked(kit.validation), {"real": real_json}).scores[0]
    kept = [n for n, found in enumerate(json.loads(Path(real_json).read_text())) if found]
    some = ranked([kit.validation[n] for n in kept], [KEYS[n] for n in kept])
    scored = evaluate(some, {"real": real_json}).scores[0]
    assert (scored.error, scored.images, scored.excluded) == (all_scored.error, 46_837, 0)


@pytest.fixture
def perfect(kit, truth_ids, lines):
    """Write the right class of each image by a convention."""
    labels = np.array(kit.validation)
    numbers = {"ilsvrc2012-id": truth_ids, "sorted-index": labels, "kaggle": labels + 1}
    return lambda written: lines([[n] for n in numbers[written]])


CONVENTIONS = ("ilsvrc2012-id", "sorted-index", "kaggle")


@pytest.mark.parametrize("written", CONVENTIONS)
@pytest.mark.parametrize("read", CONVENTIONS)
def test_a_perfect_file_is_perfect_by_its_own_convention_alone(written, read, perfect, devkit_tar):
    options = {"convention": read, "layout": "classification"}
    if read != written and "sorted-index" in (read, written):  # 0 and 1000 give it away
        with pytest.raises(SourceError, match=r"txt, line \d+: (0|1000) is no class by") as caught:
            evaluate(perfect(written), {"devkit": devkit_tar}, **options)
        assert f"with the convention {written} the top-1 error is 0.00000" in caught.value.__notes__
        return
    report = evaluate(perfect(written), {"devkit": devkit_tar}, **options)
    error = report.scores[0].error[0]
    assert error == 0 if written == read else error > 0.99
    hinted = any(f"with the convention {written} the top-1 error is 0" in n for n in report.notes)
    assert hinted == (written != read)


def test_wnids_need_no_convention(kit, devkit_tar, lines):
    path = lines([[kit.classes[label].wnid] for label in kit.validation])
    report = evaluate(path, {"devkit": devkit_tar}, layout="classification")
    assert (report.convention, report.scores[0].error[0]) == ("wnid", 0)


def test_short_lines_are_padded_and_guesses_after_the_fifth_are_ignored(truth_ids, devkit_tar, lines):
    wrong = truth_ids % 1000 + 1
    rows = [
        [t] if n % 2 else [w, w, w, w, w, t] for n, (t, w) in enumerate(zip(truth_ids, wrong, strict=True))
    ]
    report = evaluate(
        lines(rows), {"devkit": devkit_tar}, convention="ilsvrc2012-id", layout="classification"
    )
    assert report.scores[0].error == (0.5,) * 5
    assert "25,000 images have more than 5 guesses; only the first 5 count" in report.notes


def test_keys_join_in_any_order_with_folders_suffixes_and_hugging_faces_wnids(kit, devkit_tar):
    order = np.random.default_rng(0).permutation(50_000)
    forms = ("{}", "val/{}", "{}.JPEG", "n01440764/{}_n01440764.JPEG")
    keys = [forms[n % 4].format(KEYS[n]) for n in order]
    report = evaluate(ranked(np.array(kit.validation)[order], keys), {"devkit": devkit_tar})
    assert report.scores[0].error[0] == 0


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (KEYS[:-2], r"2 of the 50,000 images of devkit .* have no prediction: ILSVRC2012_val_00049999, "),
        ([*KEYS, "stranger"], r"row 50000: 1 prediction is for no image of devkit .*: stranger$"),
        ([*KEYS, "ILSVRC2012_val_00099999"], "row 50000: 1 prediction is for no image"),
        ([*KEYS, "val/" + KEYS[6]], "row 50000: val/ILSVRC2012_val_00000007 was predicted before, in row 6"),
    ],
)
def test_missing_unknown_and_repeated_keys_are_named(keys, message, devkit_tar):
    with pytest.raises(SourceError, match=message):
        evaluate(ranked(np.zeros(len(keys)), keys), {"devkit": devkit_tar})


def test_partial_scores_images_in_both_and_notes_their_number(kit, devkit_tar):
    made = ranked([*kit.validation[:100], 5], [*KEYS[:100], "stranger"])
    report = evaluate(made, {"devkit": devkit_tar}, partial=True)
    assert (report.scores[0].images, report.scores[0].error[0]) == (100, 0)
    assert report.notes == (
        "devkit: scored 100 of 50,000 images",
        "devkit: 1 prediction is for none of its images",
    )


def test_partial_permits_neither_repeated_nor_disjoint_keys(devkit_tar):
    with pytest.raises(SourceError, match="was predicted before"):
        evaluate(ranked([1, 1], [KEYS[0], KEYS[0]]), {"devkit": devkit_tar}, partial=True)
    with pytest.raises(SourceError, match="for no image of devkit"):
        evaluate(ranked([1], ["stranger"]), {"devkit": devkit_tar}, partial=True)


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (49_999, "line 49999: there are 49,999 lines of predictions, but devkit .* has 50,000 images"),
        (50_001, "line 50001: there are 50,001 lines"),
    ],
)
def test_too_few_and_too_many_lines_are_refused_even_if_partial(count, message, devkit_tar, lines):
    path = lines([[1]] * count)
    with pytest.raises(SourceError, match=message):
        evaluate(
            path,
            {"devkit": devkit_tar},
            convention="ilsvrc2012-id",
            layout="classification",
            partial=True,
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "classification"}, "give option 'convention': ilsvrc2012-id .*; sorted-index"),
        ({"convention": "ilsvrc2012-id"}, "give option 'layout'"),
        ({"layout": "classification", "convention": "wnid"}, "the guesses are numbers, and not WNIDs"),
        ({"layout": "classification", "convention": "caffe"}, "'caffe' is no convention"),
        (
            {"layout": "classification", "convention": "kaggle", "keys": "README.md"},
            "leave out option 'keys'",
        ),
    ],
)
def test_an_error_names_the_missing_option(options, message, devkit_tar, lines):
    with pytest.raises(UsageError, match=message):
        evaluate(lines([[1]]), {"devkit": devkit_tar}, **options)


def test_a_model_with_another_number_of_classes_is_refused(devkit_tar):
    made = Predictions.of_logits(np.zeros((1, 1001)), KEYS[:1])
    with pytest.raises(
        SourceError, match=r"1,001 columns, but .* has 1,000 classes; if the model has a back"
    ):
        evaluate(made, {"devkit": devkit_tar}, partial=True)
    with pytest.raises(UsageError, match="columns of logits are labels"):
        evaluate(made, {"devkit": devkit_tar}, convention="kaggle")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "no labels to score against"),
        ({"reel": "x"}, "there are no labels 'reel': give one of devkit, real, kaggle, dataset"),
        ({"synsets": "x"}, "no labels to score against"),
        ({"real": "x", "blacklist": "y"}, "complete the labels of the devkit"),
    ],
)
def test_labels_of_no_benchmark_are_rejected(labels, message):
    with pytest.raises(UsageError, match=message):
        evaluate(ranked([1], KEYS[:1]), labels)
