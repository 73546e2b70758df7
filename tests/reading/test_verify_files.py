"""`verify` compares the manifest with every other file, and names the file that differs."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from layered_set import pack_layered, seal

from wds_imagenet import repair, verify
from wds_imagenet.errors import ManifestError
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.storage import open_store
from wds_imagenet.storage.local import LocalStore

META = ".wds-imagenet/"
CAPTIONS = f"{META}layers/captions/"
TAR = "s-train-000001.tar"


@pytest.fixture(scope="module")
def layered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layered")
    pack_layered(folder, str(folder / "out"))
    return folder / "out"


@pytest.fixture
def small(layered, tmp_path):
    return shutil.copytree(layered, tmp_path / "copy")


def findings(url):
    seen = []
    report = verify(str(url), on_progress=lambda now: seen.extend(now.findings))
    assert tuple(seen) == report.findings
    return [(item.file or item.shard, item.what) for item in report.findings]


def edit(path, old, new):
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        (f"{META}plan.json", b'"seed":0', b'"seed":1', "the manifest says"),
        (f"{META}report.jsonl", b"kept", b"lost", "the manifest says"),
        (f"{META}keys.txt", b"n0", b"n1", "is not the list that was packed"),
        ("_info.json", b'"num_samples": 9', b'"num_samples": 8', "not as it was packed"),
        ("sizes.json", b": 3", b": 4", "not as it was packed"),
        (f"{META}receipts/{TAR}.json", b'"keys":["n0', b'"keys":["n1', "was changed after it was written"),
        (f"{CAPTIONS}receipts/{TAR}.json", b'"plan":"', b'"plan":"0', "was changed after it was written"),
        (f"{CAPTIONS}plan.json", b"captions", b"captionx", "does not belong to its plan"),
        (f"{CAPTIONS}manifest.json", b'"samples":9', b'"samples":8', "was changed after it was written"),
        (f"{META}layers/names/manifest.json", "名 1".encode(), "名 2".encode(), "was changed after"),
        (f"{META}layers/names/plan.json", b'"labels":[]', b'"labels":{}', "cannot be read"),
    ],
)
def test_a_changed_file_is_found_by_its_name(small, path, old, new, what):
    edit(small / path, old, new)
    [(file, text)] = findings(small)
    assert path.startswith(file)
    assert what in text


@pytest.mark.parametrize("path", [f"{META}plan.json", f"{META}report.jsonl", "_info.json", "README.md"])
def test_a_missing_file_is_found(small, path):
    (small / path).unlink()
    assert findings(small) == [(path, "the file is missing")]


def test_receipts_may_be_deleted(small):
    shutil.rmtree(small / META / "receipts")
    (small / CAPTIONS / "receipts" / f"{TAR}.json").unlink()
    assert findings(small) == []


def test_a_receipt_of_no_shard_is_found(small):
    folder = small / META / "receipts"
    shutil.copy(folder / f"{TAR}.json", folder / "s-train-000009.tar.json")
    found = findings(small)
    assert [file for file, _ in found] == [f"{META}receipts/s-train-000009.tar.json"]


def test_a_receipt_of_another_shard_is_found_though_its_hash_is_right(small):
    folder = small / META / "receipts"
    shutil.copy(folder / f"{TAR}.json", folder / "s-train-000000.tar.json")
    assert "shard and keys and labels differ" in findings(small)[0][1]


def reseal(small, change):
    path = small / META / "manifest.json"
    value = json.loads(path.read_bytes())
    change(value)
    path.write_bytes(Manifest.from_json(seal(value)).to_json())
    shutil.rmtree(small / META / "layers")


@pytest.mark.parametrize(
    "path",
    [f"{META}manifest.json", f"{CAPTIONS}manifest.json", f"{META}receipts/{TAR}.json", f"{META}plan.json"],
)
def test_white_space_that_was_added_is_found(small, path):
    data = (small / path).read_bytes()
    (small / path).write_bytes(data + b"\n")
    [(file, what)] = findings(small)
    assert file == path
    assert "not as it was packed" in what or "not the bytes" in what or "the manifest says" in what


def test_a_class_name_that_the_shards_contradict_is_one_finding(tmp_path):
    folder = tmp_path / "set"
    pack_layered(tmp_path, str(folder))

    def rename(value):
        value["classes"][0]["name"] = "tenth"

    reseal(folder, rename)
    found = [what for _, what in findings(folder)]
    assert found == ["class 0 has the name 'tenth' in the manifest, 'n01440764' in the shards"]


def test_a_manifest_that_contradicts_its_plan_is_found(small):
    reseal(small, lambda value: value.update(split="validation"))
    assert (f"{META}plan.json", "the split is 'train', in the manifest 'validation'") in findings(small)


def test_a_label_without_a_class_is_found(small):
    reseal(small, lambda value: value["classes"].pop())
    assert "samples have the label 1, the manifest has 1 classes" in [what for _, what in findings(small)]


def test_a_stray_tar_of_a_layer_is_found(small):
    shutil.copy(small / CAPTIONS / TAR, small / CAPTIONS / "s-train-000007.tar")
    assert "not in the manifest" in findings(small)[0][1]


def test_an_edited_card_and_a_file_of_the_user_are_notes(small):
    edit(small / "README.md", b"9 samples", b"My own words. 9 samples")
    (small / META / "receipts" / "mine.txt").write_text("mine")
    (small / META / "receipts" / ".DS_Store").write_text("ignored")
    report = verify(str(small))
    assert report.ok
    assert [note.split()[0] for note in report.notes] == ["README.md", f"{META}receipts/"]
    assert f"such as {META}receipts/mine.txt" in report.notes[1]


def test_the_command_exits_with_3_and_names_the_file(small):
    edit(small / "sizes.json", b": 3", b": 4")
    command = [sys.executable, "-m", "wds_imagenet", "verify", str(small)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert "bad: sizes.json, offset 25: the file is not as it was packed" in result.stdout
    command = [*command, "--json"]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert shown["findings"][0]["file"] == "sizes.json"


def test_a_changed_manifest_is_an_error(small):
    edit(small / META / "manifest.json", b'"name":"n01440764"', b'"name":"n01440765"')
    with pytest.raises(ManifestError, match="was changed after it was written"):
        verify(str(small))


def test_on_s3_the_same_files_are_compared(s3_url, layered):
    store = open_store(s3_url)
    for info in open_store(str(layered)).list_objects():
        store.put(info.path, open_store(str(layered)).read(info.path).data)
    assert verify(s3_url).ok
    store.put("sizes.json", b"mine")
    store.delete(f"{META}report.jsonl")
    assert {file for file, _ in findings(s3_url)} == {"sizes.json", f"{META}report.jsonl"}


def test_a_reply_that_the_network_damaged_is_asked_for_again(small, monkeypatch):
    read = LocalStore.read
    seen = set()

    def damaged(store, path, *arguments, **options):
        blob = read(store, path, *arguments, **options)
        if path in seen or path.endswith(".tar") or not blob.data:
            return blob
        seen.add(path)
        return replace(blob, data=b"<Error>" + blob.data)

    monkeypatch.setattr(LocalStore, "read", damaged)
    seen |= {f"{META}manifest.json", f"{META}keys.txt"}  # held by the tests of `Dataset`
    seen |= {str(path.relative_to(small)) for path in (small / META / "layers").rglob("*.json")}
    assert findings(small) == []
    seen.clear()
    assert repair(small).actions == ()
    assert len(seen) > 9
