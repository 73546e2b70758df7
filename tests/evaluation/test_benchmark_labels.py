"""Kaggle's solution, boxes and blacklist, class folders and packed data sets as benchmarks."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.evaluation import Predictions, evaluate

KEYS = [f"ILSVRC2012_val_{n:08d}" for n in range(1, 50_001)]


def overlapping(bb, bbgt):
    """compute_overlap.m for one box."""
    iw = min(bb[2], bbgt[2]) - max(bb[0], bbgt[0]) + 1
    ih = min(bb[3], bbgt[3]) - max(bb[1], bbgt[1]) + 1
    if not (iw > 0 and ih > 0):
        return -1
    ua = (bb[2] - bb[0] + 1) * (bb[3] - bb[1] + 1)
    ua += (bbgt[2] - bbgt[0] + 1) * (bbgt[3] - bbgt[1] + 1) - iw * ih
    return iw * ih / ua


def eval_localization_flat(predicted, truth, most):
    """eval_localization_flat.m for one label an image: 1 where no guess has the class and the place."""
    return np.mean(
        [
            min(
                max(label != gt, max(overlapping(box, b) for b in boxes) < 0.5)
                for label, box in guesses[:most]
            )
            for guesses, (gt, boxes) in zip(predicted, truth, strict=True)
        ]
    )


def drawn_box(rng):
    x, y = rng.integers(1, 60, 2)
    return int(x), int(y), int(x + rng.integers(5, 40)), int(y + rng.integers(5, 40))


@pytest.fixture(scope="module")
def challenge():
    """200 images: labels with one to three boxes, and five guesses that are often near."""
    rng = np.random.default_rng(1)
    truth, predicted = [], []
    for _ in range(200):
        label, boxes = int(rng.integers(1000)), [drawn_box(rng) for _ in range(rng.integers(1, 4))]
        near = [tuple(int(c + rng.integers(-6, 7)) for c in boxes[0]) for _ in range(5)]
        labels = [label if rng.random() < 0.4 else int(rng.integers(1000)) for _ in range(5)]
        truth.append((label, boxes))
        predicted.append(list(zip(labels, near, strict=True)))
    return truth, predicted


@pytest.fixture
def solution(tmp_path, challenge, kit):
    rows = [
        f"{key}," + "".join(" ".join([kit.classes[label].wnid, *map(str, box), ""]) for box in boxes) + "\n"
        for key, (label, boxes) in zip(KEYS, challenge[0], strict=False)
    ]
    np.random.default_rng(2).shuffle(rows)
    path = tmp_path / "LOC_val_solution.csv"
    path.write_text("ImageId,PredictionString\n" + "".join(rows))
    return str(path)


@pytest.fixture
def submission(tmp_path, challenge):
    rows = [
        f"{key}," + "".join(" ".join(map(str, [label + 1, *box, ""])) for label, box in guesses) + "\n"
        for key, guesses in zip(KEYS, challenge[1], strict=False)
    ]
    path = tmp_path / "submission.csv"
    path.write_text("ImageId,PredictionString\n" + "".join(reversed(rows)))
    return str(path)


def test_a_kaggle_submission_scores_as_the_devkits_code_does(solution, submission, synsets, challenge):
    truth, predicted = challenge
    (score,) = evaluate(submission, {"kaggle": solution, "synsets": synsets}, convention="kaggle").scores
    expected = [eval_localization_flat(predicted, truth, k) for k in range(1, 6)]
    assert score.localisation_error == pytest.approx(expected)
    assert 0.1 < expected[4] < expected[0] < 0.9
    assert score.error[0] == np.mean(
        [guesses[0][0] != label for guesses, (label, _) in zip(predicted, truth, strict=True)]
    )


def test_kaggles_numbers_are_not_ilsvrcs(solution, submission, synsets, devkit_tar):
    with pytest.raises(UsageError, match="give option 'convention'"):
        evaluate(submission, {"kaggle": solution, "synsets": synsets})
    report = evaluate(
        submission, {"kaggle": solution, "devkit": devkit_tar}, convention="ilsvrc2012-id", partial=True
    )
    assert report.scores[0].error[0] > 0.99
    assert any("with the convention kaggle the top-1 error is" in note for note in report.notes)


def test_the_wnids_of_a_solution_need_a_class_table(solution, submission):
    with pytest.raises(UsageError, match=r"give synsets=LOC_synset_mapping\.txt or the devkit"):
        evaluate(submission, {"kaggle": solution}, convention="kaggle")


def test_a_solution_of_the_train_set_is_rejected(tmp_path, submission, synsets):
    train = tmp_path / "LOC_train_solution.csv"
    train.write_text("ImageId,PredictionString\nn01440764_10026,n01440764 13 17 441 331 \n")
    with pytest.raises(SourceError, match="lists 1 image outside of the validation set of ILSVRC2012"):
        evaluate(submission, {"kaggle": str(train), "synsets": synsets}, convention="kaggle")


XML = (
    "<annotation><folder>val</folder><filename>%s</filename><size><width>500</width><height>375</height>"
    "<depth>3</depth></size><object><name>{}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>10</xmax>"
    "<ymax>10</ymax></bndbox></object></annotation>"
)


@pytest.fixture
def boxes_tar(tmp_path, kit):
    """The boxes (1, 1, 10, 10) of the images 1761 to 1764, as the released archive has them."""
    path = tmp_path / "ILSVRC2012_bbox_val_v3.tgz"
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for number in range(1761, 1765):
            data = XML.format(kit.classes[kit.validation[number - 1]].wnid).encode()
            info = tarfile.TarInfo(f"val/{KEYS[number - 1]}.xml")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return str(path)


def guess_boxes(kit, numbers, boxes):
    guesses = np.full((len(numbers), 5), -1)
    guesses[:, 0] = [kit.validation[n - 1] for n in numbers]
    places = np.zeros((len(numbers), 5, 4))
    places[:, 0] = boxes
    keys = tuple(KEYS[n - 1] for n in numbers)
    return Predictions(guesses, "column", keys, "row {}".format, places, columns=1000)


HALF, LESS = (1, 1, 10, 5), (1, 1, 10, 4)


def test_half_a_box_in_inclusive_pixels_is_localised(kit, devkit_tar, boxes_tar):
    made = guess_boxes(kit, range(1761, 1765), [HALF, HALF, HALF, LESS])
    (score,) = evaluate(made, {"devkit": devkit_tar, "boxes": boxes_tar}, partial=True).scores
    assert (score.error[0], score.localisation_error[0]) == (0, 0.25)


def test_the_blacklist_applies_to_localisation_and_not_to_classification(
    kit, devkit_tar, boxes_tar, tmp_path
):
    listed = tmp_path / "ILSVRC2014_clsloc_validation_blacklist.txt"
    listed.write_text("".join(f"{n}\n" for n in range(1, 1763)))
    made = guess_boxes(kit, range(1761, 1765), [LESS, LESS, HALF, LESS])
    labels = {"devkit": devkit_tar, "boxes": boxes_tar, "blacklist": str(listed)}
    (score,) = evaluate(made, labels, partial=True).scores
    assert (score.images, score.localisation_images) == (4, 2)
    assert (score.error[0], score.localisation_error[0]) == (0, 0.5)


def test_images_without_boxes_are_named_unless_partial(kit, devkit_tar, boxes_tar):
    made = guess_boxes(kit, range(1, 50_001), np.tile(HALF, (50_000, 1)))
    with pytest.raises(SourceError, match="no boxes for 49,996 scored images: ILSVRC2012_val_000"):
        evaluate(made, {"devkit": devkit_tar, "boxes": boxes_tar})
    (score,) = evaluate(made, {"devkit": devkit_tar, "boxes": boxes_tar}, partial=True).scores
    assert (score.images, score.localisation_images) == (50_000, 4)


def test_boxes_without_boxes_to_compare_are_refused(devkit_tar, boxes_tar):
    made = Predictions.of_logits(np.zeros((1, 1000)), KEYS[:1])
    with pytest.raises(UsageError, match="row 0 of the logits: the predictions have no boxes"):
        evaluate(made, {"devkit": devkit_tar, "boxes": boxes_tar}, partial=True)


@pytest.fixture
def folders(tmp_path):
    """Class folders as ImageNet-V2's: numbers without leading zeros, 12 of them, one image each."""
    for label in range(12):
        path = tmp_path / "v2" / str(label) / f"{label:040x}.jpeg"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(path, "JPEG")
    return str(tmp_path / "v2")


def test_class_folders_that_are_numbers_are_their_own_labels(folders):
    from wds_imagenet.sources import imagefolder

    keys = [reference.key for reference in imagefolder(folders).references]
    logits = np.eye(12)[[int(key.rsplit("/", 1)[-1], 16) for key in keys]]
    (score,) = evaluate(Predictions.of_logits(logits, keys), {"imagefolder": folders}).scores
    assert (score.error[0], score.images) == (0, 12)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_of_imagenet_v2_is_a_benchmark_by_its_content(folders, tmp_path, mode):
    path = tmp_path / "imagenetv2-top-images.tar.gz"
    with tarfile.open(path, mode, format=tarfile.USTAR_FORMAT) as archive:
        archive.add(folders, "imagenetv2-top-images-format-val")
    keys = [f"{label:040x}" for label in range(12)]
    made = Predictions.of_logits(np.eye(1000)[:12], keys)
    assert evaluate(made, {"imagenet-v2": str(path)}).scores[0].error == (0,) * 5


def test_ranked_labels_are_scored_by_key(folders, tmp_path):
    from wds_imagenet.sources import imagefolder

    rows = [f"{r.key},{(r.label + 1) % 12} {r.label}\n" for r in imagefolder(folders).references]
    path = tmp_path / "ranked.csv"
    path.write_text("key,labels\n" + "".join(rows))
    (score,) = evaluate(str(path), {"imagefolder": folders}, convention="sorted-index").scores
    assert score.error == (1, 0, 0, 0, 0)
