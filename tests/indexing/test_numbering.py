"""`index` and `pack webdataset` report a gap in the numbers of shards alike."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from wds_imagenet import index, pack
from wds_imagenet.inputs.shards.numbering import gap_notes
from wds_imagenet.inputs.split_files import find_split_files

GAPS = {
    "one": (["x-000000.tar", "x-000002.tar"], "1 shard is", "x-000001.tar"),
    "several": (["x-1.tar", "x-9.tar", "x-12.tar"], "9 shards are", "x-2.tar"),
    "without zeros": (["x-8.tar", "x-9.tar", "x-11.tar"], "1 shard is", "x-10.tar"),
    "at the end of a count": (["x-00000-of-00002.tar"], "1 shard is", "x-00001-of-00002.tar"),
    "at its start": (["x-1-of-3.tar", "x-2-of-3.tar"], "1 shard is", "x-0-of-3.tar"),
    "in one of two folders": (["a/0.tar", "a/1.tar", "b/0.tar", "b/2.tar"], "1 shard is", "b/1.tar"),
}
WHOLE = {
    "from zero": ["x-000000.tar", "x-000001.tar"],
    "from elsewhere": ["x-000007.tar", "x-000008.tar"],
    "a count from one": ["x-00001-of-00002.tar", "x-00002-of-00002.tar"],
    "over the tens": ["x-9.tar", "x-10.tar"],
    "no numbers": ["a.tar", "b.tar"],
    "one": ["x-000007.tar"],
}


def write(folder: Path, names: Sequence[str]) -> str:
    image = io.BytesIO()
    Image.new("RGB", (4, 4)).save(image, "PNG")
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(folder / name, "w") as archive:
            member = tarfile.TarInfo(f"k{number}.png")
            member.size = len(image.getvalue())
            archive.addfile(member, io.BytesIO(image.getvalue()))
    return str(folder)


def note_of(case: str) -> str:
    _, count, first = GAPS[case]
    return f"{count} missing in a series of numbers, the first is {first}"


def found(url: str) -> list[str]:
    shards = find_split_files(url, {}, (".tar",))
    return list(gap_notes(shards, shards))


@pytest.mark.parametrize("case", GAPS)
def test_a_gap_is_named_and_counted(tmp_path: Path, case: str) -> None:
    assert found(write(tmp_path, GAPS[case][0])) == [note_of(case)]


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_series_has_no_gap(tmp_path: Path, case: str) -> None:
    assert found(write(tmp_path, WHOLE[case])) == []


def test_compressed_shards_form_series_too(tmp_path: Path) -> None:
    for name in ("x-0.tar.bz2", "x-2.tar.bz2"):
        (tmp_path / name).write_bytes(b"")
    shards = find_split_files(str(tmp_path), {}, (".tar.bz2",))
    (note,) = gap_notes(shards, shards)
    assert note.endswith("x-1.tar.bz2")


def test_the_shard_of_another_split_fills_a_gap(tmp_path: Path) -> None:
    url = write(tmp_path, ["x-0.tar", "x-1.tar", "x-2.tar", "y-0.tar", "y-2.tar"])
    shards = find_split_files(url, {}, (".tar",))
    assert list(gap_notes([shards[0], shards[2]], shards)) == []


@pytest.mark.parametrize("named", ["a folder", "each shard"])
def test_index_and_pack_write_the_same_note(tmp_path: Path, named: str) -> None:
    names, note = GAPS["one"][0], note_of("one")
    folder = write(tmp_path / "in", names)
    urls = [folder] if named == "a folder" else [f"{folder}/{name}" for name in names]
    packed = pack("webdataset", *urls, dest=str(tmp_path / "out"), workers=1)
    assert [text for text in packed.notes if "missing" in text] == [note]
    indexed = index(urls)
    assert note in indexed.notes
    assert (packed.samples, indexed.samples) == (2, 2)
