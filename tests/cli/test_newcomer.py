"""A newcomer's mistake ends in one line with the fault, its location, and the option that helps."""

import json

import pytest
from PIL import Image

from wds_imagenet.cli import commands
from wds_imagenet.cli.shared_options import LABEL_NAMES, as_flags
from wds_imagenet.labels.registry import LABELS
from wds_imagenet.sources import SOURCES


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with photos in class folders, tables, sidecars, and other inputs of newcomers."""
    root = tmp_path_factory.mktemp("newcomer")
    for number in range(6):
        name = root / "photos" / ("cat", "dog")[number % 2] / f"{number}.jpg"
        name.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30 + number, 20), (number * 40, 0, 0)).save(name)
    for script in ("猫", "犬"):
        (root / "scripts" / "a").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (30, 20)).save(root / "scripts" / "a" / f"{script}.jpg")
    (root / "cut" / "a").mkdir(parents=True)
    (root / "cut" / "a" / "x.jpg").write_bytes((root / "photos" / "cat" / "0.jpg").read_bytes()[:-20])
    (root / "empty").mkdir()
    (root / "list.csv").write_text("path,label\nphotos/cat/0.jpg,cat\nphotos/cat/0.jpg,cat\n")
    (root / "semicolon.csv").write_text("path;label\nphotos/cat/0.jpg;cat\n")
    return root


@pytest.fixture
def say(place, monkeypatch, capsys):
    """Return a function that runs a command line there, and returns its exit code and its output."""
    monkeypatch.chdir(place)

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            commands.run([str(argument) for argument in arguments])
        out, error = capsys.readouterr()
        lines = [
            line for line in error.splitlines() if line and not line.startswith(("listing", "Usage", "Try"))
        ]
        return ended.value.code, out, "\n".join(lines)

    return run


FOLDER = ("pack", "imagefolder", "photos", "out")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("pack", "imagefolder", "nowhere", "out"), 2, "there is nothing at nowhere"),
        (
            ("pack", "imagefolder", "empty", "out"),
            3,
            "there is nothing in empty: it is a folder",
        ),
        (("pack", "imagefolders", "photos", "out"), 2, "'imagefolders' (did you mean 'imagefolder'?)"),
        (("pack", "imagefolder", "photos", "photos"), 2, "lies in the input photos"),
        (("pack", "imagefolder", "photos", "photos/out"), 2, "lies in the input photos"),
        ((*FOLDER, "--jpeg", "foo"), 2, "--jpeg foo is not a policy: write keep, optimize, resize=256"),
        ((*FOLDER, "--strip"), 2, "--strip goes with --jpeg optimize, and not with --jpeg keep"),
        ((*FOLDER, "--split", "tr ain"), 2, "'tr ain' cannot name a split"),
        ((*FOLDER, "--block-bytes", "0"), 2, "--block-bytes must be at least 1"),
        (
            (*FOLDER, "--samples-per-shard", "9", "--shard-bytes", "1MB"),
            2,
            "--samples-per-shard or --shard-b",
        ),
        ((*FOLDER, "--without-caption", "drop"), 2, "--without-caption needs a file of captions: --captions"),
        (
            (*FOLDER, "--storage-option", "bogus=1"),
            2,
            "there is no storage option 'bogus'; there are deadline",
        ),
        ((*FOLDER, "--classes", "none.txt"), 2, "there is no file none.txt"),
        ((*FOLDER, "--labels", "real=none.json"), 2, "there is no file none.json"),
        ((*FOLDER, "--labels", "blacklist=none.txt"), 2, "there is no file none.txt"),
        ((*FOLDER, "--captions", "none.json"), 2, "there is no file none.json"),
        ((*FOLDER, "--class-names", "zh=none.json"), 2, "there is no file none.json"),
        (
            ("pack", "sidecars", "photos", "out", "--annotations", "no.json"),
            2,
            "there is no file no.json",
        ),
        (("pack", "table", "photos", "out"), 2, "photos is a folder, not a file"),
        (("pack", "table", "list.csv", "out"), 3, "(--duplicates group)"),
        (("pack", "table", "list.csv", "out"), 3, "(--key-column)"),
        (("pack", "table", "semicolon.csv", "out"), 3, "give --delimiter ';'"),
        (
            ("pack", "imagenet", "photos", "out", "--devkit", "a", "--classes", "b"),
            2,
            "--devkit or --classes",
        ),
        (("pack", "imagenet", "photos", "out", "--split", "training"), 2, "--split training: ILSVRC"),
        (("pack", "imagenet21k", "photos", "out"), 2, "give --class-list (fall11, winter21,"),
        (("pack", "imagefolder", "cut", "out-cut"), 3, "--on-bad skip leaves out every such image"),
        (("cat", "photos", "0", "--image", "--member", "jpg"), 2, "give --image or --member, not both"),
        (("info", "photos"), 3, "is no data set"),
        (("verfy", "out"), 2, "there is no command 'verfy' (did you mean 'verify'?)"),
    ],
)
def test_a_mistake_ends_with_a_line_in_words_of_the_command_line(say, arguments, code, says):
    ended, out, error = say(*arguments)
    assert (ended, out) == (code, "")
    assert error.startswith("error: ")
    assert len(error.splitlines()) == 1
    assert says in error


def test_packing_a_packed_data_set_changes_nothing_and_prints_so(say, tmp_path):
    assert "packed 6 samples in 1 shard " in say("pack", "imagefolder", "photos", tmp_path)[1]
    assert "already packed, nothing to do: 6 samples in 1 shard " in say(*FOLDER[:3], tmp_path)[1]
    assert json.loads(say(*FOLDER[:3], tmp_path, "--json")[1])["already"] is True
    assert "3 samples each" in say("info", tmp_path)[1]


def test_packing_to_memory_warns_that_the_data_set_is_gone(say):
    code, out, _ = say(*FOLDER[:3], "memory://newcomer")
    assert code == 0
    assert "memory:// ends with this process" in out


def test_names_of_any_script_are_packed_and_found(say, tmp_path):
    assert say("pack", "imagefolder", "scripts", tmp_path)[0] == 0
    keys = say("ls", tmp_path)[1].split()
    assert len(set(keys)) == 2
    names = {line for key in keys for line in say("cat", tmp_path, key)[1].splitlines() if "filename" in line}
    assert names == {'  filename: "a/猫.jpg"', '  filename: "a/犬.jpg"'}


@pytest.mark.parametrize("name", SOURCES)
def test_the_help_of_every_source_begins_with_pack(say, name):
    code, out, _ = say("pack", name, "--help")
    assert code == 0
    assert "\n  Pack " in out
    assert "optimize" in out
    assert "\n  List " not in out


def test_the_help_names_every_label_source():
    assert LABEL_NAMES.replace(" or ", ", ").split(", ") == list(LABELS)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("give option 'image_column'", "give --image-column"),
        ("option others='skip' leaves", "--others skip leaves"),
        ("option jpeg='optimize:strip'", "--jpeg optimize:strip"),
        ("option delimiter=';'", "--delimiter ';'"),
        ("as option 'names.devkit'", "as --label-option names.devkit=…"),
        ("there is no storage option 'bogus'", "there is no storage option 'bogus'"),
        ("the options 'a' and 'b'", "the options 'a' and 'b'"),
    ],
)
def test_options_are_shown_as_they_are_written_here(message, shown):
    assert as_flags(message) == shown
