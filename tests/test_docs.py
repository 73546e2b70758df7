"""The documentation's programs run, its options and files exist, and its figures are the benchmark's."""

import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import click
import jsonschema
import numpy as np
import pytest
import torch

from wds_imagenet import Dataset, add_layer, pack
from wds_imagenet.cli.pack import pack as pack_command
from wds_imagenet.demo import pictures
from wds_imagenet.format import manifest as manifests
from wds_imagenet.labels.registry import LABELS
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.sources import SOURCES

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


def blocks(page):
    return BLOCK.findall(page.read_text())


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    for split, numbers in (("train", range(48)), ("validation", range(48, 60))):
        list(pictures.write_many(folder / "pictures" / split, numbers))
        pack_listing(
            SOURCES["sidecars"](str(folder / "pictures" / split)),
            str(folder / split),
            PackOptions("p", split),
        )
    return folder


def localized(program, shards):
    """Return the program with local data, small batches and two epochs."""
    program = re.sub(
        r"batch_size=256|, 256\)", lambda m: m[0].replace("256", "16"), program.replace("90", "2")
    )
    return program.replace("s3://bucket/in1k", str(shards))  # last: the path may have numbers too


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 12)

    def forward(self, images):
        return self.linear(images.mean((2, 3)))


def test_the_program_of_the_readme_runs(shards):
    assert blocks(ROOT / "README.md")
    for program in blocks(ROOT / "README.md"):
        exec(compile(localized(program, shards), "README.md", "exec"), {})  # noqa: S102 - our own words


def test_the_recipe_for_plain_pytorch_trains_resumes_and_evaluates(shards, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "recipes.md").read_text()
    section = text.partition("## Plain PyTorch")[2].partition("\n## ")[0]
    names = {"model": Model()}
    for program in BLOCK.findall(section):
        exec(compile(localized(program, shards), "recipes.md", "exec"), names)  # noqa: S102 - our own words
    assert names["count"] == 12


def test_the_recipe_for_scoring_predictions_scores_every_sample(shards, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "recipes.md").read_text()
    section = text.partition("## Scoring predictions")[2].partition("\n## ")[0]
    names = {"model": Model(), "device": "cpu"}
    for program in BLOCK.findall(section):
        exec(compile(localized(program, shards), "recipes.md", "exec"), names)  # noqa: S102 - our own words
    (score,) = names["report"].scores
    right = np.load("predictions-0.npz")
    truth = Dataset.open(str(shards / "validation"))
    rows = zip(right["keys"], right["logits"], strict=True)
    expected = [truth[str(key)].label != row.argmax() for key, row in rows]
    assert (score.images, score.error[0]) == (12, np.mean(expected))


def test_the_recipes_for_label_layers_run(tmp_path, photos):
    maps = tmp_path / "maps" / "n00000000"
    maps.mkdir(parents=True)
    list(pictures.write_many(tmp_path / "pictures", range(40)))
    for i, path in enumerate(sorted((tmp_path / "pictures").rglob("*.jpg"))):
        split, key = ("train", f"n00000000_{i}") if i < 32 else ("validation", f"ILSVRC2012_val_{i:08d}")
        (tmp_path / f"{split}-images" / "any").mkdir(parents=True, exist_ok=True)
        path.rename(tmp_path / f"{split}-images" / "any" / f"{key}.jpg")
        values = np.broadcast_to(np.arange(5)[:, None, None], (2, 5, 15, 15))
        torch.save(torch.tensor(values).half(), maps / f"n00000000_{i}.pt")
    for split in ("train", "validation"):
        pack("imagefolder", str(tmp_path / f"{split}-images"), dest=str(tmp_path / split), workers=1)
    add_layer(str(tmp_path / "train"), labels={"relabel": str(tmp_path / "maps")}, layer="maps", workers=1)
    add_layer(str(tmp_path / "validation"), labels={"real": str(photos / "real" / "real.json")}, workers=1)
    text = (ROOT / "docs" / "recipes.md").read_text()
    section = text.partition("## Labels, captions and boxes")[2].partition("## Looking")[0]
    names = {"model": lambda images: torch.nn.Linear(3, 1000)(images.mean((2, 3))), "device": "cpu"}
    for program in BLOCK.findall(section):
        exec(compile(localized(program, tmp_path), "recipes.md", "exec"), names)  # noqa: S102 - our own words
    assert names["sample"].json["real_labels"]
    assert torch.isfinite(names["loss"])
    assert names["batch"].soft_labels.shape == (16, 1000)


def test_the_recipe_for_a_data_loader_runs(shards):
    text = (ROOT / "docs" / "recipes.md").read_text()
    (program,) = BLOCK.findall(text.partition("## DataLoader")[2].partition("\n## ")[0])
    names = {}
    header = "from wds_imagenet import RandomResizedCrop\n"
    exec(compile(localized(header + program, shards), "recipes.md", "exec"), names)  # noqa: S102 - our own words
    assert sum(int(batch.mask.sum()) for batch in names["loader"]) == 48


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.name)
def test_every_program_is_valid_python(page):
    for program in blocks(page):
        compile(program, page.name, "exec")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_file_that_is_linked_or_named_exists(page):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"`((?:tests|wds_imagenet|benchmarks|bin|docs)/[\w./-]+)`", text):
        assert (ROOT / target).exists(), target


@cache
def help_texts():
    """Return the `--help` of every command, each asked once for all pages."""
    verbs = ["pack imagenet", "pack imagenet21k", "pack imagenet21k-p", "pack imagenet-v2"]
    verbs += ["pack open-images", "pack imagefolder", "pack table", "pack sidecars", "pack webdataset"]
    verbs += ["pack huggingface", "index", "verify", "repair"]
    verbs += ["info", "ls", "cat", "view", "bench", "evaluate", "add-layer", "doctor", "demo"]
    return "".join(
        subprocess.run(
            [sys.executable, "-m", "wds_imagenet", *verb.split(), "--help"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for verb in verbs
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_option_that_is_shown_is_one(page):
    helps = help_texts()
    for line in re.findall(r"wds-imagenet [a-z].*|`pack [a-z].*?`", page.read_text()):
        for option in re.findall(r"--[a-z-]+", line):
            assert option in helps, line


def test_the_page_of_data_sets_has_a_command_for_every_source_and_label_file():
    text = (ROOT / "docs" / "datasets.md").read_text()
    shown = re.findall(r"`pack ([a-z0-9-]+) .*?`", text)
    assert set(shown) == set(SOURCES)
    added = {*re.findall(r"`--labels ([a-z0-9]+)=", text), "captions", "names"}
    assert added == set(LABELS)
    for words in re.findall(r"`pack (.*?)`", text):
        name, *arguments = words.split()
        command = pack_command.get_command(click.Context(pack_command), name)
        assert command.make_context(name, arguments).params["dest"] == "DEST"


def test_the_readme_names_every_source():
    table = (ROOT / "README.md").read_text().partition("| you have | SOURCE |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z0-9-]+)`", table)) >= set(SOURCES)


def test_the_readme_lists_every_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    table = (ROOT / "README.md").read_text().partition("| extra | brings")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == list(project["optional-dependencies"])


def test_the_plot_and_the_table_of_the_readme_have_the_figures_of_the_benchmark():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        from plot import draw, read_bars
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    measured = read_bars((ROOT / "docs" / "performance.md").read_text())
    assert (ROOT / "docs" / "throughput.svg").read_text() == draw(measured)
    shown = read_bars((ROOT / "README.md").read_text())
    peers = [bar for bar in measured if not bar.name.startswith("a C program")]
    assert shown == sorted(peers, key=lambda bar: -bar.median)


def test_a_manifest_obeys_the_schema_that_is_published(shards):
    schema = json.loads((ROOT / "wds_imagenet" / "format" / "manifest.schema.json").read_text())
    jsonschema.validate(json.loads((shards / "train" / manifests.MANIFEST_PATH).read_text()), schema)
