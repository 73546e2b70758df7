"""Traps of names and texts that naive code falls into, through the whole of packing and reading."""

import json

import pytest

from wds_imagenet import Dataset, pack
from wds_imagenet.errors import SourceError

CRANES = {"n02012849": 134, "n03126707": 517}  # the bird and the machine, both 'crane'
CARDIGANS = {"n02113186": 264, "n02963159": 474}  # the dog 'Cardigan', the jacket 'cardigan'
TEXTS = [
    "two\nlines\tand a tab",
    "emoji 🍧👩‍👩‍👧 and kakigōri",
    '<a href="http://x/?a=b&c">html</a> &amp; "quotes"',
    "\u0007bell \u001fcontrol",
    "한국어 العربية עברית",
    "ﬁ ligature, e\u0301 combining",
]


def test_classes_that_share_a_name_stay_apart(world, tmp_path):
    """By name, one class takes the other's images; and on some disks one folder the other's."""
    wnids = {**CRANES, **CARDIGANS}
    images = {f"{wnid}/{wnid}_1.JPEG": world.photos[i][1] for i, wnid in enumerate(wnids)}
    (tmp_path / "t.tar").write_bytes(world.tar(images))
    kit = world.folder / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz"
    pack("imagenet", f"{tmp_path}/t.tar", dest=f"{tmp_path}/out", workers=1, devkit=str(kit))
    samples = {s.json["wnid"]: s for s in Dataset.open(f"{tmp_path}/out").samples()}
    assert {wnid: sample.label for wnid, sample in samples.items()} == wnids
    assert {samples[wnid].json["class_name"] for wnid in CRANES} == {"crane"}


def test_a_name_that_two_classes_share_is_refused_as_a_label(world, tmp_path):
    rows = [line.split() for line in world.read("ilsvrc2012/map_clsloc.txt").decode().splitlines()]
    names = {wnid: name for wnid, _, name in rows}
    (tmp_path / "classes.txt").write_text("".join(f"{wnid} {names[wnid]}\n" for wnid in world.wnids))
    (tmp_path / "a.jpg").write_bytes(world.photos[0][1])
    (tmp_path / "t.csv").write_text("path,label\na.jpg,crane\n")
    with pytest.raises(SourceError, match=r"'crane' is the name of the classes \[134, 517\]"):
        pack("table", f"{tmp_path}/t.csv", dest=f"{tmp_path}/out", classes=f"{tmp_path}/classes.txt")


@pytest.mark.parametrize("member", ["txt", "json"])
def test_texts_come_back_byte_for_byte(world, tmp_path, member):
    for i, text in enumerate(TEXTS):
        (tmp_path / f"in{i}.jpg").write_bytes(world.photos[i][1])
        told = text if member == "txt" else json.dumps({"note": text}, ensure_ascii=bool(i % 2))
        (tmp_path / f"in{i}.{member}").write_bytes(told.encode())
    pack("sidecars", str(tmp_path), dest=f"memory://traps-{member}", workers=1, shuffle=False)
    samples = list(Dataset.open(f"memory://traps-{member}").samples())
    assert [s.caption if member == "txt" else s.json["note"] for s in samples] == TEXTS


@pytest.mark.parametrize("without", ["keep", "drop"])
def test_captions_go_by_file_name_and_images_without_one_are_kept_or_dropped(world, tmp_path, without):
    wnid = world.wnids[5]
    entries = []
    for i in range(4):
        (tmp_path / "in" / wnid).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / wnid / f"{wnid}_{i}.JPEG").write_bytes(world.photos[i][1])
        entries.append({"filename": f"{wnid}_{3 - i}.JPEG", "wnid": wnid, "title": f"photo {3 - i}",
                        "tags": ["a tag of words"], "description": ""})  # fmt: skip
    (tmp_path / "c.json").write_text(json.dumps(entries[:3]))  # that of image 0 is missing
    pack("imagefolder", f"{tmp_path}/in", dest=f"{tmp_path}/out", captions=f"{tmp_path}/c.json",
         without_caption=without, workers=1)  # fmt: skip
    found = {s.key: s.caption for s in Dataset.open(f"{tmp_path}/out").samples()}
    expected = {f"{wnid}_{i}": f"photo {i} a tag of words" for i in (1, 2, 3)}
    assert found == (expected if without == "drop" else {**expected, f"{wnid}_0": ""})
