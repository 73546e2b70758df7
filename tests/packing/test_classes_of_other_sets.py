"""Two splits that are packed apart have the same labels, or a note says that they differ."""

import io
import re
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest
from PIL import Image

from wds_imagenet import Dataset, pack
from wds_imagenet.errors import SourceError
from wds_imagenet.format.manifest import MANIFEST_PATH, Block, Manifest, Shard
from wds_imagenet.packing.publish import neighbours
from wds_imagenet.packing.publish.neighbours import class_notes
from wds_imagenet.storage import open_store


@pytest.fixture
def trees(make_tree):
    def picture(number):
        file = io.BytesIO()
        Image.new("RGB", (9, 9), (number, 0, 0)).save(file, "PNG")
        return file.getvalue()

    train = {f"{name}/{n}.png": picture(n) for n, name in enumerate(("cat", "dog", "fox"))}
    val = {f"{name}/{n}.png": picture(n + 9) for n, name in enumerate(("cat", "fox"))}
    return make_tree(train, "train"), make_tree(val, "val")


@pytest.mark.parametrize("place", ["local", "memory"])
@pytest.mark.parametrize("names", [("train", "val"), ("pets-train", "pets-validation")])
def test_other_labels_beside_the_destination_are_noted(tmp_path: Path, trees, place, names):
    root = str(tmp_path) if place == "local" else f"memory://{uuid4().hex}"
    first, second = (f"{root}/out/{name}" for name in names)
    assert not any("another label" in note for note in pack("imagefolder", trees[0], dest=first).notes)
    notes = pack("imagefolder", trees[1], dest=second).notes
    wanted = f"1 class has another label in {first}, such as 'fox': 1 here, 2 there"
    assert [note.partition(";")[0] for note in notes] == [wanted]


def test_a_packed_data_set_is_a_class_list(tmp_path: Path, trees):
    pack("imagefolder", trees[0], dest=f"{tmp_path}/out/train")
    report = pack("imagefolder", trees[1], dest=f"{tmp_path}/out/val", classes=f"{tmp_path}/out/train")
    assert not any("classes" in note for note in report.notes)
    packed = Dataset.open(f"{tmp_path}/out/val")
    assert [item["name"] for item in packed.classes] == ["cat", "dog", "fox"]
    assert sorted(sample.label for sample in packed) == [0, 2]


def test_a_class_that_the_packed_data_set_lacks_is_named(tmp_path: Path, trees):
    pack("imagefolder", trees[1], dest=f"{tmp_path}/out/val")
    with pytest.raises(SourceError, match=r"folder dog: the class 'dog' is not in .*/out/val"):
        pack("imagefolder", trees[0], dest=f"{tmp_path}/out/train", classes=f"{tmp_path}/out/val")


def test_a_data_set_without_names_gives_no_class_list(tmp_path: Path, trees, make_tree):
    tree = make_tree({f"{n}/{n}.png": Path(trees[0], "cat/0.png").read_bytes() for n in range(2)}, "numbers")
    pack("imagefolder", tree, dest=f"{tmp_path}/out/numbers")
    with pytest.raises(SourceError, match="no names of classes, so it gives no class list"):
        pack("imagefolder", trees[0], dest=f"{tmp_path}/out/train", classes=f"{tmp_path}/out/numbers")


def seal(url, names, split="val"):
    """Put a manifest of classes alone, as a data set's."""
    shard = Shard("x-000000.tar", 10240, 1, "0" * 64, (Block(10240, 1, 0),))
    classes = tuple({"name": name, "samples": 0} for name in names)
    data = Manifest("x", split, ("image",), "0" * 64, (shard,), classes).to_json()
    open_store(url).put(MANIFEST_PATH, data)
    return url


def notes_of(dest, *names):
    return list(class_notes(dest, [{"class_name": name} for name in names], {}))


@pytest.fixture(params=["local", "memory"])
def root(request, tmp_path):
    return str(tmp_path / "root") if request.param == "local" else f"memory://{uuid4().hex}"


def test_each_class_with_another_label_is_counted_and_the_first_is_named(root):
    other = seal(f"{root}/val", ["cat", "ant", "dog", "cow"])
    note = (
        f"3 classes have another label in {other}, such as 'ant': 0 here, 1 there; option "
        f"classes='{other}' takes its classes"
    )
    assert notes_of(f"{root}/train", "ant", "cat", "bee", "dog") == [note]


def test_equal_labels_of_some_classes_are_noted_if_the_other_set_has_more(root):
    other = seal(f"{root}/val", ["ant", "bee", "cat"])
    assert notes_of(f"{root}/train", "ant", "bee", "cat") == []
    note = f"{other} has other classes, too: 3, of which 2 are here"
    assert notes_of(f"{root}/train", "ant", "bee") == [note]
    assert notes_of(f"{root}/train", "x", "y") == []


def test_classes_without_names_are_compared_with_no_data_set(root):
    seal(f"{root}/val", ["ant"])
    assert notes_of(f"{root}/train") == []
    assert list(class_notes(f"{root}/train", [{}, {"class_name": ""}], {})) == []


def test_a_set_that_cannot_be_read_hides_no_other(root):
    open_store(f"{root}/test").put(MANIFEST_PATH, b"{")
    other = seal(f"{root}/val", ["bee", "ant"])
    assert [other in note for note in notes_of(f"{root}/train", "ant", "bee")] == [True]


@pytest.mark.parametrize("own", ["in1k-training", "IN1K_VAL", "my.valid", "test", "testing-2"])
def test_on_a_bucket_the_names_of_the_other_splits_are_tried(own):
    root = f"memory://{uuid4().hex}"
    for split in ("train", "val", "validation", "test"):
        name = re.sub("training|validation|valid|val|testing|test", split, own.lower())
        seal(f"{root}/{name}", ["bee"], split)
    found = [note.split()[6].rstrip(",") for note in notes_of(f"{root}/{own}", "ant", "bee")]
    splits = {"test", "train", "val", "validation"}
    names = {re.sub("training|validation|valid|val|testing|test", split, own.lower()) for split in splits}
    assert found == [f"{root}/{name}" for name in sorted(names - {own.lower()})]


@pytest.mark.parametrize("own", ["retrained", "interval", "trains"])
def test_a_word_that_only_holds_a_split_is_none(own):
    root = f"memory://{uuid4().hex}"
    seal(f"{root}/{own.replace('train', 'val').replace('interval', 'intertest')}", ["bee"])
    assert notes_of(f"{root}/{own}", "ant", "bee") == []


def test_a_whole_bucket_has_no_neighbours():
    assert notes_of("s3://bucket", "ant") == []


def test_a_folder_that_does_not_exist_has_no_neighbours(tmp_path):
    assert notes_of(str(tmp_path / "nowhere" / "train"), "ant") == []


def test_a_folder_is_no_neighbour_of_itself_and_one_without_a_manifest_is_no_data_set(tmp_path):
    seal(str(tmp_path / "train"), ["bee", "ant"])
    (tmp_path / "val").mkdir()
    (tmp_path / "file").write_bytes(b"")
    assert notes_of(str(tmp_path / "train"), "ant", "bee") == []


def test_only_so_many_folders_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "_MAX_FOLDERS", 3)
    for number in range(5):
        seal(str(tmp_path / f"{number}"), ["bee", "ant"])
    assert len(notes_of(str(tmp_path / "train"), "ant", "bee")) == 3


def test_a_store_that_fails_is_asked_twice_for_each_data_set():
    asked = []

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(503)

        do_HEAD = do_GET  # noqa: N815 - of the protocol

        def log_message(self, format, *args): ...  # noqa: A002 - of the base class

    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            assert notes_of(f"http://127.0.0.1:{server.server_port}/train", "ant", "bee") == []
        finally:
            server.shutdown()
            thread.join()
    assert sorted(Counter(asked).values()) == [2, 2, 2]


def test_a_manifest_larger_than_any_is_not_read(root, monkeypatch):
    seal(f"{root}/val", ["bee", "ant"])
    monkeypatch.setattr(neighbours, "MAX_BYTES", 100)
    assert notes_of(f"{root}/train", "ant", "bee") == []
