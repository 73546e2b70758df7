"""From a packed data set through `Loader` on several ranks to a score."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from wds_imagenet import Loader, ResizeCenterCrop  # noqa: E402 - they need torch
from wds_imagenet.errors import SourceError  # noqa: E402
from wds_imagenet.evaluation import evaluate  # noqa: E402
from wds_imagenet.packing.options import PackOptions  # noqa: E402
from wds_imagenet.packing.pack_dataset import pack_listing  # noqa: E402
from wds_imagenet.sources import imagefolder  # noqa: E402

CLASSES, IMAGES = 10, 53


@pytest.fixture(scope="module")
def packed(photos, tmp_path_factory):
    """53 real photos in the class folders 0 to 9, packed in blocks of a few."""
    root = tmp_path_factory.mktemp("photos")
    for number, path in enumerate(sorted((photos / "imagenet-sample").glob("*.JPEG"))[:IMAGES]):
        folder = root / "folders" / str(number % CLASSES)
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    options = PackOptions("photos", "validation", samples_per_shard=20, block_bytes=256 << 10)
    pack_listing(imagefolder(str(root / "folders")), str(root / "shards"), options, workers=1)
    return str(root / "shards")


def run_model(packed, folder, world_size):
    """Write the logits of each rank, of a model that is always right."""
    files = []
    for rank in range(world_size):
        loader = Loader(
            packed, ResizeCenterCrop(32, 32), 4, shuffle=False, rank=rank, world_size=world_size, threads=2
        )
        logits, keys = [], []
        for batch in loader:
            rows = batch.mask.nonzero()[:, 0].tolist()
            right = batch.labels[batch.mask].numpy()
            keys += [batch.keys[row] for row in rows]
            logits.append(np.eye(CLASSES, dtype=np.float32)[right])
        files.append(str(folder / f"predictions-{world_size}-{rank}.npz"))
        np.savez(files[-1], logits=np.concatenate(logits), keys=np.array(keys, str))
    return files


@pytest.mark.parametrize("world_size", [1, 2, 3, 4])
def test_every_sample_is_scored_once_on_any_number_of_ranks(packed, tmp_path, world_size):
    files = run_model(packed, tmp_path, world_size)
    report = evaluate(files, {"dataset": packed})
    assert (report.predictions, report.scores[0].images) == (IMAGES, IMAGES)
    assert (report.scores[0].error[0], report.convention, report.notes) == (0, "label", ())


def test_a_missing_or_repeated_rank_is_an_error(packed, tmp_path):
    files = run_model(packed, tmp_path, 3)
    with pytest.raises(SourceError, match=r"of the 53 images of dataset .* have no prediction"):
        evaluate(files[:2], {"dataset": packed})
    with pytest.raises(
        SourceError, match=r"predictions-3-0\.npz, row 0 .* was predicted before, in .*-3-0\.npz"
    ):
        evaluate([*files, files[0]], {"dataset": packed})


def command(*arguments):
    program = [sys.executable, "-m", "wds_imagenet", "evaluate", *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, check=False, env={**os.environ})


def test_the_command_prints_a_table_or_json(packed, tmp_path):
    files = run_model(packed, tmp_path, 2)
    result = command(*files, "--labels", f"dataset={packed}")
    assert result.returncode == 0, result.stderr
    assert "53 predictions, classes by label" in result.stdout
    assert result.stdout.count("  1.00000") == 5  # accuracy
    report = json.loads(command(*files, "--labels", f"dataset={packed}", "--json").stdout)
    assert report["scores"][0]["error"] == [0, 0, 0, 0, 0]
    assert report["scores"][0]["images"] == 53


def test_the_command_exits_with_the_code_of_the_error(tmp_path):
    bad = tmp_path / "bad.txt"
    bad.write_text("1\nx\n")
    result = command(bad, "--labels", f"real={bad}", "--layout", "classification", "--convention", "kaggle")
    assert (result.returncode, result.stderr.count("\n")) == (3, 1)
    assert "bad.txt, line 2: 'x'" in result.stderr
    assert command(bad, "--labels", f"real={bad}", "--convention", "kaggle").returncode == 2
    assert command(bad, "--labels", "real").returncode == 2
    assert command(tmp_path / "nothing.txt", "--labels", f"real={bad}").returncode == 2
