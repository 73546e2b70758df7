"""No command takes the shards of a pack that was not finished for a data set."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from layered_set import pack_layered

from wds_imagenet import Dataset, add_layer, index, pack, repair
from wds_imagenet.errors import ManifestError

META = ".wds-imagenet"
TARS = [f"s-train-00000{number}.tar" for number in range(3)]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    pack_layered(folder, str(folder / "out"))
    shutil.rmtree(folder / "out" / META / "layers")
    return folder / "out"


@pytest.fixture
def begun(packed: Path, tmp_path: Path) -> Path:
    """A folder as a killed `pack` leaves it after two of three shards."""
    folder = shutil.copytree(packed, tmp_path / "root" / "begun")
    for name in (f"{META}/manifest.json", f"{META}/keys.txt", f"{META}/report.jsonl", TARS[2]):
        (folder / name).unlink()
    (folder / META / "receipts" / f"{TARS[2]}.json").unlink()
    return folder


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


WAYS: dict[str, Any] = {
    "index": lambda place: index(str(place)),
    "index of a pattern": lambda place: index(f"{place}/*.tar"),
    "index into a folder inside": lambda place: index(f"{place}/*.tar", out=f"{place}/inside"),
    "index of the folder above": lambda place: index(str(place.parent)),
    "pack": lambda place: pack("webdataset", str(place), dest=f"{place.parent}/out", workers=1),
    "pack of the folder above": lambda p: pack("webdataset", str(p.parent), dest=f"{p.parent}-out"),
    "repair": repair,
    "open": lambda place: Dataset.open(str(place)),
    "add_layer": lambda place: add_layer(str(place), class_names={"fr": "names.json"}),
}


@pytest.mark.parametrize("way", WAYS)
def test_an_unfinished_pack_is_refused_and_nothing_is_written(begun: Path, way: str) -> None:
    before = files(begun.parent)
    with pytest.raises(ManifestError, match=r"begun and not finished.*[Rr]un the same 'pack'"):
        WAYS[way](begun)
    assert files(begun.parent) == before


@pytest.mark.parametrize("way", ["index", "pack"])
def test_receipts_without_plan_and_manifest_are_an_unfinished_pack(begun: Path, way: str) -> None:
    (begun / META / "plan.json").unlink()
    with pytest.raises(ManifestError, match="begun and not finished"):
        WAYS[way](begun)


def test_without_the_metadata_folder_the_shards_are_indexed_as_they_are(begun: Path) -> None:
    shutil.rmtree(begun / META)
    assert index(str(begun)).shards == 2


def test_on_s3_an_unfinished_pack_is_refused(begun: Path, s3_url: str) -> None:
    from wds_imagenet.storage import open_store

    store = open_store(s3_url)
    for path, data in files(begun).items():
        if path.name != "plan.json":
            store.put(str(path.relative_to(begun)), data)
    with pytest.raises(ManifestError, match="begun and not finished"):
        index(s3_url)
