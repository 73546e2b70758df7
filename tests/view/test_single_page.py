"""`view --html` writes one self-contained page; the output of the command."""

import base64
import io
import os
import shutil
import subprocess
import sys
import time

import pytest
from PIL import Image

from wds_imagenet import Dataset, add_layer, pack
from wds_imagenet.view.single_page import single_page


@pytest.fixture(scope="module")
def written(on_disk, command, tmp_path_factory):
    file = tmp_path_factory.mktemp("html") / "page.html"
    result = command("view", on_disk, "--html", file, "--samples", "9")
    assert (result.returncode, result.stdout) == (0, "")
    return file.read_text("utf-8")


def test_the_page_has_its_pictures_inside(written, page, dataset):
    shown = page(written)
    pictures = shown.all("img")
    assert len(pictures) == 9
    for one in pictures:
        kind, _, data = one["src"].partition(",")
        with Image.open(io.BytesIO(base64.b64decode(data, validate=True))) as image:
            assert (kind, image.format) == ("data:image/jpeg;base64", "JPEG")
            assert max(image.size) <= 320
        assert one["alt"] in set(dataset.keys())


def test_the_page_has_names_in_both_languages_captions_and_no_script(written, page, hostile):
    shown = page(written)
    assert "丁鲷" in shown.text
    assert " ".join(hostile.split()) in shown.text
    assert shown.all("script") == shown.all("a") == shown.all("link") == []
    assert len(shown.all("rect")) > 9


def test_the_same_seed_gives_the_same_page(dataset, written):
    assert single_page(dataset, samples=9) == written
    assert single_page(dataset, samples=9, seed=1) != written


def test_the_page_shows_the_error_of_an_image_that_cannot_be_decoded(tmp_path, photos, page):
    folder = tmp_path / "in"
    folder.mkdir()
    photo = next((photos / "imagenet-sample").glob("*.JPEG")).read_bytes()
    (folder / "a.jpg").write_bytes(photo[: photo.rindex(b"\xff\xda") + 14] + b"\xff\xd9")
    pack("sidecars", str(folder), dest=str(tmp_path / "out"), workers=1)
    shown = page(single_page(Dataset.open(str(tmp_path / "out"))))
    assert shown.all("img") == []
    assert "damaged" in shown.text


def test_a_page_on_s3_equals_that_on_disk_but_for_its_location(dataset, pack_at, s3_url, written):
    there = Dataset.open(pack_at(f"{s3_url}/in1k/train"))
    assert single_page(there, samples=9).replace(there.url, dataset.url) == written


@pytest.mark.parametrize(
    "options",
    [("--samples", "3"), ("--seed", "1"), ("--html", "x.html", "--port", "8000"), ("--samples", "-1")],
)
def test_contradictory_options_are_refused(on_disk, command, options, tmp_path):
    result = command("view", on_disk, *options, cwd=tmp_path)
    assert result.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_one_line(on_disk, command, tmp_path):
    result = command("view", on_disk, "--html", tmp_path / "none" / "page.html", "--samples", "1")
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_folder_without_a_manifest_is_an_error(command, tmp_path):
    result = command("view", tmp_path)
    assert result.returncode == 3
    assert "no data set" in result.stderr


def test_a_layer_is_shown_when_it_is_named(on_disk, dataset, tmp_path, command, page):
    copy = shutil.copytree(on_disk, tmp_path / "copy")
    rows = [f"{sample.key},{sample.json['wnid']} 7 7 9 9 " for sample in dataset.samples()]
    rows.insert(0, "ImageId,PredictionString")
    (tmp_path / "kaggle.csv").write_text("\n".join(rows) + "\n")
    add_layer(str(copy), labels={"kaggle": str(tmp_path / "kaggle.csv")}, workers=1)
    for options in ((), ("--layer", "kaggle")):
        file = tmp_path / "page.html"
        assert command("view", copy, "--html", file, "--samples", "2", *options).returncode == 0
        text = file.read_text("utf-8")
        assert ("Layers not shown" in page(text).text) != bool(options)
        assert ('width="2.00" height="2.00"' in text) == bool(options)


@pytest.fixture
def layered_urls(dataset, pack_at, s3_server, s3_url, photos, tmp_path):  # noqa: PLR0917 - fixtures
    """A data set with a layer of boxes and one of names, by its URLs on S3 and over HTTP."""
    url = pack_at(f"{s3_url}/in1k/train")
    rows = [f"{sample.key},{sample.json['wnid']} 7 7 9 9 " for sample in dataset.samples()]
    (tmp_path / "kaggle.csv").write_text("\n".join(["ImageId,PredictionString", *rows]) + "\n")
    add_layer(url, labels={"kaggle": str(tmp_path / "kaggle.csv")}, workers=1)
    add_layer(url, class_names={"jp": str(photos / "class-names" / "jp.json")}, layer="japanese")
    return url, f"http://{s3_server.filer}/buckets/{url.removeprefix('s3://')}"


def test_layers_are_shown_from_s3_and_over_http(layered_urls, tmp_path, command):
    named = ("--layer", "kaggle", "--layer", "japanese")
    pages = []
    for there in layered_urls:
        file = tmp_path / "page.html"
        result = command("view", there, "--html", file, "--samples", "2", *named)
        assert result.returncode == 0, result.stderr
        pages.append(file.read_text("utf-8").replace(there, ""))
        assert "テンチ" in command("info", there, *named).stdout
        assert '"boxes"' in command("cat", there, "#0", "--layer", "kaggle", "--member", "json").stdout
        result = command("verify", there)
        assert (result.returncode, "HTTP lists no files" in result.stderr) == (
            0,
            there.startswith("http"),
        )
    assert pages[0] == pages[1]
    assert ("テンチ" in pages[0], 'width="2.00" height="2.00"' in pages[0]) == (True, True)


def test_the_browser_is_opened_unless_disabled(on_disk, view, tmp_path):
    opener = tmp_path / "xdg-open"
    opener.write_text(
        f'#!/bin/sh\necho "$1" > {tmp_path}/opened.part && mv {tmp_path}/opened.part {tmp_path}/opened\n'
    )
    opener.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DISPLAY": ":0"}
    with view(on_disk, "--no-open", env=environment):
        assert not (tmp_path / "opened").exists()
    with view(on_disk, env=environment) as (_, browser):
        for _ in range(500):
            if (tmp_path / "opened").exists():
                break
            time.sleep(0.02)
        assert (tmp_path / "opened").read_text() == f"http://{browser.address}/\n"


def test_without_jinja_the_error_names_the_extra(on_disk):
    program = (
        "import sys; sys.modules['jinja2'] = None; "
        f"sys.argv = ['wds-imagenet', 'view', {on_disk!r}]; from wds_imagenet.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "pip install 'wds-imagenet[view]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1
