"""The demo runs to its end, and its pictures match their captions."""

import subprocess
import sys

import pytest
from PIL import Image

from wds_imagenet.demo import pictures
from wds_imagenet.demo.s3_server import find_weed
from wds_imagenet.errors import MissingExtraError


def test_a_picture_is_the_same_whenever_it_is_drawn():
    assert pictures.draw(7) == pictures.draw(7)
    assert pictures.draw(7).jpeg != pictures.draw(19).jpeg


def test_a_picture_has_photographic_size_and_a_matching_caption(tmp_path):
    picture = pictures.draw(5)
    pictures.write(picture, tmp_path)
    with Image.open(tmp_path / "picture_000005.jpg") as image:
        assert image.size == (500, 375)
    assert (tmp_path / "picture_000005.cls").read_text() == "5"
    assert pictures.CLASSES[5] in picture.caption


@pytest.mark.timeout(170)
def test_the_demo_packs_to_s3_streams_and_learns():
    try:
        find_weed()
    except MissingExtraError:
        pytest.skip("SeaweedFS is not installed")
    command = [sys.executable, "-m", "wds_imagenet", "demo", "--pictures", "480", "--epochs", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for step in ("draw", "serve", "pack", "verify", "stream", "train", "evaluate", "done"):
        assert f"s  {step} " in result.stdout
    losses = [
        float(line.split("loss ")[1].split(",")[0]) for line in result.stdout.splitlines() if "loss" in line
    ]
    assert losses[-1] < losses[0]
