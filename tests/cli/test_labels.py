"""Label files on the command line: joined when packing, or written as a layer that `verify` checks."""

import json
import shutil
import subprocess
import sys

import pytest

from wds_imagenet import Dataset


def run(*arguments):
    command = [sys.executable, "-m", "wds_imagenet", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def inputs(photos, tmp_path_factory):
    """Ten photos under validation names and under train names, and captions for half of the latter."""
    root = tmp_path_factory.mktemp("inputs")
    (root / "val").mkdir()
    entries = []
    for i, photo in enumerate(sorted((photos / "imagenet-sample").glob("*.JPEG"))[:10]):
        shutil.copyfile(photo, root / "val" / f"ILSVRC2012_val_{i + 1:08d}.JPEG")
        wnid = photo.name[:9]
        (root / "train" / wnid).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photo, root / "train" / wnid / f"{wnid}_{i}.JPEG")
        if i % 2:
            entries.append({"filename": f"{wnid}_{i}.JPEG", "wnid": wnid, "title": f"t{i}", "tags": ["x"]})
    (root / "captions.json").write_text(json.dumps(entries))
    return root


@pytest.fixture(scope="module")
def validation(inputs, photos):
    devkit = photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz"
    names = photos / "class-names" / "cn.json"
    dest = inputs / "packed" / "validation"
    options = ["--devkit", devkit, "--split", "validation", "--class-names", f"zh={names}"]
    result = run("pack", "imagenet", inputs / "val", dest, *options)
    assert result.returncode == 0, result.stderr
    return dest


def test_labels_are_joined_when_packing(inputs, photos, tmp_path):
    devkit = photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz"
    options = ["--devkit", devkit, "--split", "validation", "--labels", f"real={photos}/real/real.json"]
    result = run("pack", "imagenet", inputs / "val", tmp_path / "out", *options)
    assert result.returncode == 0, result.stderr
    assert "annotates 10 images; 49,990 annotations are of no image here" in result.stdout
    truth = json.loads((photos / "real" / "real.json").read_text())
    for sample in Dataset.open(str(tmp_path / "out")).samples():
        assert sample.json["real_labels"] == truth[int(sample.key[-8:]) - 1]


def test_images_without_a_caption_are_dropped_on_request(inputs, tmp_path):
    options = ["--captions", inputs / "captions.json", "--caption-template", "a photo of {title}"]
    result = run("pack", "imagefolder", inputs / "train", tmp_path / "a", *options)
    assert result.returncode == 0, result.stderr
    result = run(
        "pack", "imagefolder", inputs / "train", tmp_path / "b", *options, "--without-caption", "drop"
    )
    assert "5 others are left out" in result.stdout
    kept, left = Dataset.open(str(tmp_path / "a")), Dataset.open(str(tmp_path / "b"))
    assert (len(kept), len(left)) == (10, 5)
    assert sorted(s.caption for s in kept.samples()) == [""] * 5 + [
        f"a photo of t{i}" for i in (1, 3, 5, 7, 9)
    ]
    assert all(s.caption for s in left.samples())


def test_add_layer_writes_a_layer_that_info_and_verify_find(validation, photos):
    real = f"real={photos}/real/real.json"
    assert (
        "would write the layer 'real'" in run("add-layer", validation, "--labels", real, "--dry-run").stdout
    )
    result = run("add-layer", validation, "--labels", real)
    assert (result.returncode, result.stderr) == (0, "reading the label files\n")
    assert "wrote the layer 'real' of 10 samples" in result.stdout
    assert "which gives json, json.real_labels" in result.stdout
    assert "1 of its 1 tar was finished before" in run("add-layer", validation, "--labels", real).stdout
    assert "layer        real, 20.0 KiB: json, json.real_labels" in run("info", validation).stdout
    (layer,) = json.loads(run("info", validation, "--json").stdout)["layers"]
    assert (layer["name"], layer["fields"]) == ("real", {"real_labels": "list"})
    assert run("verify", validation).returncode == 0
    tar = next((validation / ".wds-imagenet" / "layers" / "real").glob("*.tar"))
    data = bytearray(tar.read_bytes())
    data[600] ^= 1
    tar.chmod(0o644)
    tar.write_bytes(data)
    result = run("verify", validation)
    assert result.returncode == 3
    assert f"bad: .wds-imagenet/layers/real/{tar.name}, offset 0" in result.stdout


def test_info_shows_the_names_of_classes_in_other_languages(validation):
    shown = run("info", validation).stdout
    assert "n01440764  丁鲷" in shown


def test_info_and_cat_show_a_named_layer_of_class_names(validation, photos, tmp_path):
    data = shutil.copytree(validation, tmp_path / "data", ignore=shutil.ignore_patterns("layers"))
    names = f"it={photos}/class-names/it.json"
    result = run("add-layer", data, "--class-names", names, "--layer", "italian")
    assert "wrote the layer 'italian' of classes alone, which gives classes.name_it" in result.stdout
    plain, named = run("info", data), run("info", data, "--layer", "italian")
    assert "layer        italian, 0 B: classes.name_it" in plain.stdout
    assert ("una tinca" in plain.stdout, "丁鲷  una tinca" in named.stdout) == (False, True)
    classes = json.loads(run("info", data, "--layer", "italian", "--json").stdout)["classes"]
    assert (len(classes), classes[0]["name_it"]) == (1000, "una tinca")
    run("add-layer", data, "--labels", f"real={photos}/real/real.json")
    assert "real_labels: [" not in run("cat", data, "#0").stdout
    assert "real_labels: [" in run("cat", data, "#0", "--layer", "real").stdout
    assert run("verify", data).returncode == 0


def test_mistakes_end_with_2_and_bad_files_with_3(validation, inputs, tmp_path):
    assert run("add-layer", validation).returncode == 2
    result = run("add-layer", validation, "--labels", "nosuch=x")
    assert (result.returncode, result.stdout) == (2, "")
    assert "no label source 'nosuch', only captions" in result.stderr
    assert run("add-layer", validation, "--captions", inputs / "captions.json").returncode == 3
    (tmp_path / "bad.json").write_text("[1")
    assert run("add-layer", validation, "--labels", f"real={tmp_path}/bad.json").returncode == 3
    assert not (validation / ".wds-imagenet" / "layers" / "captions").exists()


@pytest.mark.parametrize(
    "options",
    [["--labels", "real=a", "--labels", "real=b"], ["--class-names", "zh=a", "--class-names", "zh=b"]],
)
def test_one_name_twice_is_an_error(inputs, options):
    done = run("pack", "imagefolder", inputs / "train", inputs / "twice", *options)
    assert (done.returncode, (inputs / "twice").exists()) == (2, False)
    assert "is given twice" in done.stderr
