"""`repair` mends each kind of damage byte for byte, on disk and on S3, and never makes a data set worse."""

import fcntl
import json
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from layered_set import pack_layered, seal

from wds_imagenet import Dataset, UsageError, repair, verify
from wds_imagenet.errors import ManifestError
from wds_imagenet.repairing import api
from wds_imagenet.storage import open_store
from wds_imagenet.storage.local import LocalStore

META = ".wds-imagenet/"
CAPTIONS = f"{META}layers/captions/"
NAMES = f"{META}layers/names/"
TAR = "s-train-000001.tar"


@pytest.fixture(scope="module")
def layered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layered")
    pack_layered(folder, str(folder / "out"))
    return folder / "out"


def contents(url):
    store = open_store(str(url))
    return {info.path: bytes(store.read(info.path).data) for info in store.list_objects()}


@pytest.fixture(params=["local", "s3"])
def place(request, layered, tmp_path):
    """The URL of a copy of the data set, on disk or on S3."""
    if request.param == "local":
        return str(shutil.copytree(layered, tmp_path / "copy"))
    url = request.getfixturevalue("s3_url")
    store = open_store(url)
    for path, data in contents(layered).items():
        store.put(path, data)
    return url


@pytest.fixture
def small(layered, tmp_path):
    return shutil.copytree(layered, tmp_path / "small")


def flip(store, path):
    data = bytearray(store.read(path).data)
    data[len(data) // 3] ^= 1
    store.put(path, bytes(data))


def cut(store, path):
    store.put(path, bytes(store.read(path).data)[:-7])


def remove(store, path):
    store.delete(path)


WAYS = [flip, cut, remove]
ALONE = [f"{META}manifest.json", f"{META}keys.txt", f"{META}report.jsonl", "_info.json", "sizes.json"]
ALONE += [f"{CAPTIONS}manifest.json"]
"""The files that a repair makes anew without another copy."""
COPIED = [TAR, f"{META}plan.json", f"{CAPTIONS}{TAR}", f"{CAPTIONS}plan.json", f"{NAMES}manifest.json"]
COPIED += [f"{NAMES}plan.json", f"{META}receipts/{TAR}.json", f"{CAPTIONS}receipts/{TAR}.json"]


def check_made_anew(place, layered, path, way):
    way(open_store(place), path)
    report = repair(place)
    assert (report.ok, [action.path for action in report.actions]) == (True, [path])
    assert report.fingerprint == Dataset.open(str(layered)).manifest.fingerprint
    assert contents(place) == contents(layered)
    assert repair(place).actions == ()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", ALONE)
def test_a_file_is_made_anew_byte_for_byte(small, layered, path, way):
    check_made_anew(str(small), layered, path, way)
    assert verify(small).ok


def check_copied(place, layered, path, way):
    way(open_store(place), path)
    assert repair(place, copy=str(layered)).ok
    assert contents(place) == contents(layered)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", [*COPIED, *ALONE])
def test_any_file_is_mended_from_another_copy(small, layered, path, way):
    if way is remove and "receipts" in path:
        return  # a receipt that is not there is not missed
    check_copied(str(small), layered, path, way)
    assert verify(small).ok


def test_on_s3_every_file_is_mended(place, layered):
    for number, path in enumerate(ALONE):
        check_made_anew(place, layered, path, WAYS[number % 3])
    for number, path in enumerate(COPIED[:-2]):
        check_copied(place, layered, path, WAYS[number % 3])
    assert verify(place).ok


def test_everything_but_the_shards_is_damaged_and_mended_from_a_copy(place, layered):
    store = open_store(place)
    for path in contents(place):
        if not path.endswith(".tar") and path != "README.md":
            flip(store, path) if len(store.read(path).data) else None
    assert repair(place, copy=str(layered)).ok
    assert contents(place) == contents(layered)


def test_two_damaged_copies_mend_each_other(small, layered, tmp_path):
    other = shutil.copytree(layered, tmp_path / "other")
    flip(open_store(str(small)), "s-train-000000.tar")
    flip(open_store(str(other)), "s-train-000002.tar")
    assert repair(small, copy=other).ok
    assert repair(other, copy=small).ok
    assert contents(small) == contents(other) == contents(layered)


def test_a_copy_that_is_damaged_at_the_same_place_mends_nothing(small, layered, tmp_path):
    other = shutil.copytree(layered, tmp_path / "other")
    for folder in (small, other):
        flip(open_store(str(folder)), TAR)
    before = contents(small)
    report = repair(small, copy=other)
    assert [finding.shard for finding in report.left] == [TAR]
    assert contents(small) == before


def test_a_copy_of_another_data_set_is_refused(small, layered, tmp_path):
    (tmp_path / "more").mkdir()
    pack_layered(tmp_path / "more", str(tmp_path / "more" / "set"))
    (tmp_path / "more" / "set" / TAR).write_bytes(b"")
    (small / META / "manifest.json").unlink()
    (small / META / "plan.json").unlink()
    other = shutil.copytree(layered, tmp_path / "other")
    value = json.loads((other / META / "manifest.json").read_bytes())
    value["shards"][0]["name"] = "other-train-000000.tar"
    (other / META / "manifest.json").write_bytes(seal(value))
    before = contents(small)
    with pytest.raises(ManifestError, match="is another data set"):
        repair(small, copy=other)
    assert contents(small) == before


def test_a_dry_run_writes_nothing_and_names_the_same_steps(place, layered):
    store = open_store(place)
    for path in (TAR, f"{META}keys.txt", "sizes.json"):
        flip(store, path)
    before = contents(place)
    seen = []
    planned = repair(place, copy=str(layered), dry_run=True, on_action=seen.append)
    assert contents(place) == before
    assert (planned.dry_run, tuple(seen)) == (True, planned.actions)
    assert repair(place, copy=str(layered)).actions == planned.actions


def test_a_shard_that_no_copy_has_is_left_with_the_way_on(small):
    flip(open_store(str(small)), TAR)
    before = contents(small)
    report = repair(small)
    assert not report.ok
    assert "run the same 'pack' again with --check" in report.left[0].what
    assert "'quarantine'" in report.left[0].what
    assert contents(small) == before


def test_a_class_name_in_a_damaged_manifest_is_restored_from_the_shards(tmp_path, layered):
    folder = shutil.copytree(layered, tmp_path / "set")
    path = folder / META / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"name":"n01440764"', b'"name":"n01440765"', 1))
    assert repair(folder).ok
    assert contents(folder) == contents(layered)


@pytest.mark.parametrize("way", [flip, remove])
def test_a_damaged_shard_is_left_out_with_its_keys_listed(place, layered, way):
    keys = list(Dataset.open(str(layered)).keys())
    old = Dataset.open(place).manifest.fingerprint
    way(open_store(place), TAR)
    report = repair(place, quarantine=True)
    assert report.ok
    assert report.lost_keys == tuple(keys[3:6])
    found = contents(place)
    assert found[f"{META}quarantine/lost_keys.txt"].decode().split() == keys[3:6]
    assert TAR not in found
    assert (f"{META}quarantine/{TAR}" in found) == (way is not remove)
    dataset = Dataset.open(place, layers=["captions", "names"])
    assert dataset.manifest.fingerprint == report.fingerprint != report.old_fingerprint == old
    assert [sample.key for sample in dataset.samples()] == keys[:3] + keys[6:]
    assert all(sample.caption == f"title of {sample.key}" for sample in dataset.samples())
    assert verify(place).ok
    assert repair(place, quarantine=True).actions == ()
    assert sum(item["samples"] for item in dataset.manifest.classes) == 6


def test_a_quarantine_of_every_shard_is_refused(small):
    for path in small.glob("*.tar"):
        flip(open_store(str(small)), path.name)
    before = contents(small)
    with pytest.raises(Exception, match="nothing would be left"):
        repair(small, quarantine=True)
    assert contents(small) == before


def damage_much(store):
    for path in (TAR, f"{META}keys.txt", "sizes.json", f"{CAPTIONS}manifest.json", f"{META}manifest.json"):
        flip(store, path)


@pytest.mark.parametrize("options", [{"quarantine": True}, {"copy": True}], ids=str)
def test_a_repair_that_was_interrupted_after_any_step_is_continued(layered, tmp_path, options, monkeypatch):
    options = {**options, **({"copy": str(layered)} if "copy" in options else {})}
    whole = shutil.copytree(layered, tmp_path / "whole")
    damage_much(open_store(str(whole)))
    steps = len(repair(whole, **options).actions)
    expected = contents(whole)
    take = api.take
    for stop in range(steps):
        folder = shutil.copytree(layered, tmp_path / f"stopped-{stop}")
        damage_much(open_store(str(folder)))
        taken = []

        def interrupted(store, step, taken=taken, stop=stop):
            if len(taken) == stop:
                raise KeyboardInterrupt
            taken.append(step)
            take(store, step)

        monkeypatch.setattr(api, "take", interrupted)
        with pytest.raises(KeyboardInterrupt):
            repair(folder, **options)
        monkeypatch.setattr(api, "take", take)
        assert repair(folder, **options).ok, stop
        assert contents(folder) == expected, stop


def test_a_living_packer_is_not_disturbed(small):
    staging = small / META / "staging"
    staging.mkdir()
    with (staging / "s-train-000009.tar.ab").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another packer works"):
            repair(small)
    assert repair(small).ok


def test_a_manifest_that_changes_meanwhile_is_not_overwritten(small, layered, monkeypatch):
    path = small / META / "manifest.json"
    flip(open_store(str(small)), f"{META}manifest.json")
    flip(open_store(str(small)), "sizes.json")
    take = api.take

    def disturbed(store, step):
        path.write_bytes((layered / META / "manifest.json").read_bytes())
        take(store, step)

    monkeypatch.setattr(api, "take", disturbed)
    with pytest.raises(UsageError, match="another program has changed"):
        repair(small)


def test_indexed_shards_are_mended_from_a_copy(layered, tmp_path):
    from wds_imagenet import index

    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        for path in layered.glob("*.tar"):
            shutil.copy(path, folder)
    index(str(tmp_path / "one"), name="x")
    shutil.copytree(tmp_path / "one" / META, tmp_path / "two" / META)
    store = open_store(str(tmp_path / "one"))
    flip(store, f"{META}keys.txt")
    assert repair(tmp_path / "one").ok
    flip(store, TAR)
    manifest = bytes(store.read(f"{META}manifest.json").data)
    store.put(f"{META}manifest.json", manifest.replace(b'"name":"x"', b'"name":"y"'))
    with pytest.raises(ManifestError, match=r"\.tar is damaged: the manifest states other .*'index' again"):
        repair(tmp_path / "one")
    assert repair(tmp_path / "one", copy=tmp_path / "two").ok
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_store_that_can_only_be_read_is_refused():
    with pytest.raises(UsageError, match="can only be read"):
        repair("http://127.0.0.1:9/x")


def command(*arguments):
    line = [sys.executable, "-m", "wds_imagenet", "repair", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_command_prints_its_steps_and_exits_with_3_if_a_fault_remains(small, layered):
    flip(open_store(str(small)), TAR)
    remove(open_store(str(small)), "README.md")
    shown = command(small, "--dry-run")
    assert (shown.returncode, shown.stderr) == (3, "")
    assert "would mend README.md: written from the manifest" in shown.stdout
    assert f"bad: {TAR}: the shard is damaged: name another copy" in shown.stdout
    assert "1 file would be changed; 1 fault is left" in shown.stdout
    shown = command(small, "--from", layered)
    assert shown.returncode == 0
    assert f"mended {TAR}: copied from {layered}" in shown.stdout
    assert "nothing to repair" in command(small).stdout


def test_the_command_lists_lost_keys(small):
    flip(open_store(str(small)), TAR)
    shown = command(small, "--quarantine")
    assert shown.returncode == 0
    assert shown.stdout.count("lost: n0144") == 3
    assert "the fingerprint changes from" in shown.stdout
    assert json.loads(command(small, "--json").stdout)["ok"]


def test_a_shard_that_the_network_damaged_once_is_not_left_out(small, layered, monkeypatch):
    read = LocalStore.read
    damaged = set()

    def once(store, path, *arguments, **options):
        blob = read(store, path, *arguments, **options)
        if path in damaged or not path.endswith(".tar"):
            return blob
        damaged.add(path)
        return replace(blob, data=bytes(len(blob.data)))

    monkeypatch.setattr(LocalStore, "read", once)
    assert repair(small, quarantine=True).actions == ()
    assert len(damaged) == 6
    assert contents(small) == contents(layered)
