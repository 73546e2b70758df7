"""After a damage or a quarantine, `repair` and `pack` find the way on, or give one error that names it."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wds_imagenet import Dataset, index, repair, verify
from wds_imagenet.errors import ManifestError, PlanError, UsageError
from wds_imagenet.packing.api import pack

META = ".wds-imagenet"
TAR = "s-train-000001.tar"


def pack_again(packed: Path, place: Path, **options: Any) -> Any:
    chosen: dict[str, Any] = {"name": "s", "samples_per_shard": 3, "block_bytes": 2000, "workers": 1}
    return pack("imagefolder", str(packed / "in"), dest=str(place), **(chosen | options))


def flip(path: Path, bit: int = 300) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


LOST = [["receipts"], ["receipts", "keys.txt"], ["receipts", "keys.txt", "plan.json", "report.jsonl"]]


def lose(place: Path, *names: str) -> None:
    for name in names:
        path = place / META / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("lost", LOST, ids=str)
def test_a_manifest_is_rebuilt_from_the_shards_alone(packed: Path, place: Path, lost: list[str]) -> None:
    lose(place, "layers", "manifest.json", *lost)
    assert repair(place).ok
    old, new = (Dataset.open(str(url)) for url in (packed / "out", place))
    assert [sample.key for sample in new.samples()] == list(old.keys()) == list(new.keys())
    assert verify(place).ok
    if "plan.json" in lost:
        wanted = index(f"{packed}/out/*.tar", out=str(packed / "out" / "index"), name="s").manifest
        shutil.rmtree(packed / "out" / "index")
        assert new.manifest == replace(wanted, shards_in=None)
    else:
        assert new.manifest == old.manifest


@pytest.mark.parametrize("lost", LOST, ids=str)
def test_a_damaged_manifest_proves_its_own_values(packed: Path, place: Path, lost: list[str]) -> None:
    lose(place, "layers", *lost)
    path = place / META / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"samples":3', b'"samples":2'))
    repair(place)
    assert path.read_bytes() == (packed / "out" / META / "manifest.json").read_bytes() or "plan.json" in lost


def test_no_manifest_is_rebuilt_over_an_image_that_was_changed(place: Path) -> None:
    lose(place, "layers", "manifest.json", *LOST[-1])
    path = place / TAR
    data = path.read_bytes()
    at = data.index(b"\xff\xd8\xff") + 200  # inside the first JPEG, whose size stays
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with pytest.raises(ManifestError, match=rf"{TAR}.*SHA-256 in its JSON.*--from"):
        repair(place)
    assert not (place / META / "manifest.json").exists()


@pytest.mark.parametrize("lost", LOST, ids=str)
def test_a_manifest_is_not_rebuilt_without_a_shard(place: Path, lost: list[str]) -> None:
    lose(place, "manifest.json", *lost)
    (place / TAR).unlink()
    with pytest.raises(ManifestError, match=r"anew: .*; from the shards alone: .*Name another"):
        repair(place)
    assert not (place / META / "manifest.json").exists()


def test_the_manifest_of_indexed_shards_is_rebuilt(place: Path) -> None:
    shutil.rmtree(place / META)
    written = index(str(place)).manifest
    (place / META / "manifest.json").unlink()
    assert repair(place).ok
    assert Dataset.open(str(place)).manifest == replace(written, name="s")


def test_the_first_of_two_indexed_splits_has_no_stray_shards_and_the_second_says_how_it_is_mended(
    place: Path,
) -> None:
    shutil.rmtree(place / META)
    for number, tar in enumerate(sorted(place.glob("*.tar"))):
        tar.rename(place / f"in-{'train' if number < 2 else 'validation'}-{number}.tar")
    urls = [index(str(place), split=split).url for split in ("train", "validation")]
    assert (repair(urls[0]).ok, repair(urls[0]).actions) == (True, ())
    with pytest.raises(UsageError, match=r"shards in the folder above.*run 'index' again"):
        repair(urls[1])


@pytest.mark.parametrize("bit", [0, 301, 1000])
def test_a_flipped_bit_of_the_plan_is_flipped_back(packed: Path, place: Path, bit: int) -> None:
    flip(place / META / "plan.json", bit)
    assert repair(place).ok
    assert (place / META / "plan.json").read_bytes() == (packed / "out" / META / "plan.json").read_bytes()


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"no plan"])
def test_the_same_pack_writes_a_lost_plan_of_a_finished_set_anew(
    packed: Path, place: Path, *, check: bool, content: bytes | None
) -> None:
    plan = place / META / "plan.json"
    plan.unlink() if content is None else plan.write_bytes(content)
    assert pack_again(packed, place, check=check).samples == 9
    assert plan.read_bytes() == (packed / "out" / META / "plan.json").read_bytes()
    assert verify(place).ok


def test_another_pack_onto_a_damaged_plan_names_the_remedy(packed: Path, place: Path) -> None:
    (place / META / "plan.json").write_bytes(b"{}")
    with pytest.raises(PlanError, match=r"plan\.json is damaged.*'repair' with another copy \(--from\)"):
        pack_again(packed, place, samples_per_shard=4)
    assert (place / META / "plan.json").read_bytes() == b"{}"


def test_after_a_quarantine_pack_names_the_way_on_which_leads_to_the_whole_set(
    packed: Path, place: Path
) -> None:
    flip(place / TAR, 9000)
    assert repair(place, quarantine=True).ok
    for check in (False, True):
        with pytest.raises(PlanError, match=f"left shards .* such as {TAR}.*lost_keys.*with --check"):
            pack_again(packed, place, check=check)
        assert verify(place).ok
    shutil.rmtree(place / META / "quarantine")
    (place / META / "manifest.json").unlink()
    pack_again(packed, place, check=True)
    assert Dataset.open(str(place)).manifest == Dataset.open(str(packed / "out")).manifest
