"""`repair` and `verify` agree: if `repair` leaves no fault, `verify` finds none. Files of people stay."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from wds_imagenet import index, repair, verify
from wds_imagenet.errors import ManifestError
from wds_imagenet.packing.api import pack
from wds_imagenet.repairing.shards_alone import missing_number

META = ".wds-imagenet"
CAPTIONS = f"{META}/layers/captions"
TARS = [f"s-train-00000{number}.tar" for number in range(3)]
CARD = "# My words\n"


def append(place: Path, path: str, data: bytes = b"\n") -> None:
    with (place / path).open("ab") as file:
        file.write(data)


def index_again(place: Path) -> None:
    (place / META / "manifest.json").unlink()
    (place / META / "plan.json").rename(place / META / "plan.old")
    shutil.move(place / META / "receipts", place / "aside")
    shutil.rmtree(place / META / "layers")
    index(str(place), name="s")
    shutil.move(place / "aside", place / META / "receipts")
    (place / META / "plan.old").rename(place / META / "plan.json")


def index_a_changed_image(place: Path) -> None:
    shutil.rmtree(place / META)
    data = bytearray((place / TARS[1]).read_bytes())
    data[data.index(b"\xff\xd8\xff") + 200] ^= 1
    (place / TARS[1]).write_bytes(data)
    index(str(place))


def add_foreign_receipt(place: Path) -> None:
    shutil.copy(place / META / "receipts" / f"{TARS[1]}.json", place / META / "receipts" / "x.tar.json")


def lose_a_layers_manifest_and_plan(place: Path) -> None:
    for name in ("manifest", "plan"):
        (place / CAPTIONS / f"{name}.json").unlink()


def begin_a_layer(place: Path) -> None:
    folder = place / META / "layers" / "begun"
    folder.mkdir()
    shutil.copy(place / CAPTIONS / TARS[0], folder)


DAMAGES: list[tuple[Callable[[Path], None], bool]] = [
    (lambda place: append(place, f"{META}/manifest.json"), True),
    (lambda place: append(place, f"{CAPTIONS}/manifest.json"), True),
    (lambda place: append(place, f"{CAPTIONS}/plan.json"), False),
    (lambda place: append(place, f"{META}/receipts/{TARS[1]}.json"), True),
    (lambda place: append(place, f"{META}/report.jsonl"), True),
    (lambda place: append(place, "_info.json"), True),
    (lambda place: append(place, "README.md"), True),
    (lambda place: (place / "README.md").unlink(), True),
    (lambda place: (place / "stray-000000.tar").write_bytes(b""), False),
    (add_foreign_receipt, True),
    (begin_a_layer, False),
    (lose_a_layers_manifest_and_plan, False),
    (index_again, True),
    (index_a_changed_image, False),
]


@pytest.mark.parametrize(("damage", "mended"), DAMAGES)
def test_repair_leaves_a_fault_exactly_if_verify_finds_one(
    place: Path, damage: Callable[[Path], None], *, mended: bool
) -> None:
    damage(place)
    report = repair(place)
    assert report.ok is mended
    assert verify(place).ok is mended
    assert repair(place).actions == ()


def test_a_card_that_people_edited_stays_in_every_repair(packed: Path, place: Path) -> None:
    card = place / "README.md"
    card.write_text(CARD)
    for options in ({}, {"copy": packed / "out"}):
        report = repair(place, **options)
        assert (report.actions, report.notes[0].split()[0]) == ((), "README.md")
    (place / TARS[2]).write_bytes(b"")
    pack("imagefolder", str(packed / "in"), dest=str(place), check=True, name="s", samples_per_shard=3,
         block_bytes=2000, workers=1)  # fmt: skip
    assert verify(place).ok
    assert card.read_text() == CARD
    (place / TARS[1]).unlink()
    assert repair(place, quarantine=True).ok
    assert card.read_text() == CARD
    card.unlink()
    assert repair(place).ok
    assert verify(place).notes == ()


def test_a_file_of_the_user_among_the_receipts_stays_and_is_named(place: Path) -> None:
    mine = place / META / "receipts" / "mine.txt"
    mine.write_text("mine")
    line = [sys.executable, "-m", "wds_imagenet"]
    for command in ("repair", "verify"):
        shown = subprocess.run([*line, command, str(place)], capture_output=True, text=True, check=False)
        assert shown.returncode == 0
        assert f"note: {META}/receipts/ has 1 file" in shown.stdout
        assert "mine.txt" in shown.stdout
    assert mine.read_text() == "mine"


@pytest.fixture
def indexed(place: Path) -> Path:
    shutil.rmtree(place / META)
    index(str(place), name="s")
    (place / META / "keys.txt").unlink()
    return place


def test_a_cut_manifest_still_states_that_a_shard_is_missing(indexed: Path) -> None:
    manifest = indexed / META / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-60])
    (indexed / TARS[2]).unlink()
    with pytest.raises(ManifestError, match=r"states 9 samples .* and the shards have 6 .*: a shard is miss"):
        repair(indexed)


def test_a_rebuilt_manifest_comes_with_a_note_that_nothing_states_the_number_of_shards(indexed: Path) -> None:
    (indexed / META / "manifest.json").unlink()
    (indexed / TARS[2]).unlink()
    line = [sys.executable, "-m", "wds_imagenet"]
    shown = subprocess.run([*line, "repair", indexed], capture_output=True, text=True, check=False)
    assert "note: nothing states the number of shards: the new manifest lists the 2 shards" in shown.stdout
    shown = subprocess.run([*line, "verify", indexed], capture_output=True, text=True, check=False)
    assert (shown.returncode, "packed" in shown.stdout) == (0, False)


def test_a_gap_in_the_numbers_is_named(indexed: Path) -> None:
    (indexed / META / "manifest.json").unlink()
    (indexed / TARS[1]).unlink()
    with pytest.raises(ManifestError, match=rf"have a gap: {TARS[1]} may be missing"):
        repair(indexed)
    assert not (indexed / META / "manifest.json").exists()


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["s-train-000001.tar"], "s-train-000000.tar"),
        (["07.tar", "08.tar", "10.tar"], "09.tar"),
        (["a-3-of-9.tar", "b.tar"], None),
        (["x-1.tar", "y-3.tar"], None),
        ([], None),
    ],
)
def test_a_gap_needs_a_common_numbering(names: list[str], missing: str | None) -> None:
    assert missing_number(names) == missing


@pytest.mark.parametrize("lost", [[], ["plan.json"]])
def test_the_shards_of_an_unfinished_stream_are_no_data_set(
    tmp_path: Path, packed: Path, lost: list[str]
) -> None:
    source = tmp_path / "in.tar.gz"
    with tarfile.open(source, "w:gz") as archive:
        for tar in TARS:
            with tarfile.open(packed / "out" / tar) as shard:
                for member in shard:
                    archive.addfile(member, shard.extractfile(member))
    pack("webdataset", str(source), dest=str(tmp_path / "out"), samples_per_shard=3, workers=1)
    plan = json.loads((tmp_path / "out" / META / "plan.json").read_bytes())
    assert "shards" not in plan
    for name in ("manifest.json", "keys.txt", "report.jsonl", *lost):
        (tmp_path / "out" / META / name).unlink()
    max((tmp_path / "out").glob("*.tar")).unlink()
    with pytest.raises(ManifestError, match=r"begun and not finished"):
        repair(tmp_path / "out")
