"""After a damage or a quarantine, `repair` and `pack` find the way on, or give one error that names it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from layered_set import pack_layered

from wds_imagenet import Dataset, repair, verify
from wds_imagenet.errors import PlanError
from wds_imagenet.packing.api import pack

META = ".wds-imagenet"
TAR = "s-train-000001.tar"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    pack_layered(folder, str(folder / "out"))
    return folder


@pytest.fixture
def place(packed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(packed / "out", tmp_path / "out")


def pack_again(packed: Path, place: Path, **options: Any) -> Any:
    chosen: dict[str, Any] = {"name": "s", "samples_per_shard": 3, "block_bytes": 2000, "workers": 1}
    return pack("imagefolder", str(packed / "in"), dest=str(place), **(chosen | options))


def flip(path: Path, bit: int = 300) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


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
