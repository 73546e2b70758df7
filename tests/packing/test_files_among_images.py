"""Files of any kind among images: packed by their bytes, or left out and listed in the report."""

import io
import json
import os
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from PIL import Image

from wds_imagenet import pack
from wds_imagenet.errors import ImageError, SourceError

HEIC, PSD, TEXT = b"\0\0\0\x18ftypheic" + bytes(40), b"8BPS" + bytes(40), b"a text"


def picture(number: int, kind: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


GOOD = {
    "cat/1.jpg": picture(1),
    "cat/2.jfif": picture(2),
    "cat/3.jpe": picture(3),
    "cat/4": picture(4),
    "dog/5.dat": picture(5, "PNG"),
    "dog/6.webp": picture(6, "WEBP"),
}
NAMES = {"1.jpg", "2.jpg", "3.jpg", "4.jpg", "5_dat.png", "6.webp"}
BAD = {
    "cat/7.heic": HEIC,
    "cat/8.psd": PSD,
    "cat/1.txt": TEXT,
    "dog/9": TEXT,
    "dog/10.jpg": b"",
    "docs/x.md": TEXT,
}
IGNORED = {"cat/Thumbs.db": TEXT, "dog/._6.webp": TEXT, "dog/@eaDir/6.webp/x.jpg": picture(7), "README": TEXT}


def members(folder: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as tar:
            found |= {member.name: tar.extractfile(member).read() for member in tar}
    return found


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("source", ["imagefolder", "sidecars"])
def test_each_file_is_packed_by_its_bytes_or_listed(tmp_path, make_tree, make_tar, source, archive):
    bad = BAD if source == "imagefolder" else {name: BAD[name] for name in BAD if name != "cat/1.txt"}
    files = {**GOOD, **bad, **IGNORED}
    tree = make_tree({"x.tar": make_tar(files)} if archive else files)
    url, dest = f"{tree}/x.tar" if archive else tree, tmp_path / "packed"
    with pytest.raises((ImageError, SourceError), match="option on_bad='skip'"):
        pack(source, url, dest=str(tmp_path / "failed"), workers=1)
    report = pack(source, url, dest=str(dest), workers=1, on_bad="skip")
    assert (report.samples, report.skipped) == (len(GOOD), len(bad))
    packed = {name: data for name, data in members(dest).items() if not name.endswith((".json", ".cls"))}
    assert packed.keys() == NAMES
    assert set(packed.values()) == set(GOOD.values())
    lines = (dest / ".wds-imagenet" / "report.jsonl").read_text().splitlines()
    listed = {
        item["filename"]: item["reason"] for item in map(json.loads, lines) if item["action"] == "skipped"
    }
    assert listed.keys() == bad.keys()
    assert "HEIF" in listed["cat/7.heic"]
    assert "PSD" in listed["cat/8.psd"]
    assert any("hidden and system files, 3 in all" in note for note in report.notes)


def test_what_cannot_be_read_is_left_out_and_listed():
    nobody = 65534
    with TemporaryDirectory() as root:
        tree, dest = Path(root, "in"), Path(root, "packed")
        for name, data in {**GOOD, "dog/denied.jpg": picture(8)}.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(data)
        (tree / "dog/denied.jpg").chmod(0)
        (tree / "dog/gone.jpg").symlink_to("/nowhere/gone.jpg")
        (tree / "dog/self.jpg").symlink_to("self.jpg")
        (tree / "dog/up").symlink_to("..")
        (tree / "dog/zero.jpg").symlink_to("/dev/zero")
        (tree / "dog/._gone.jpg").symlink_to("/nowhere/gone.jpg")
        os.mkfifo(tree / "dog/fifo.jpg")
        Path(root).chmod(0o777)
        if os.geteuid() == 0:
            os.seteuid(nobody)
        try:
            with pytest.raises(SourceError, match=r"dog/.*: is a .*; remove it; option on_bad='skip'"):
                pack("imagefolder", str(tree), dest=f"{root}/failed", workers=1)
            report = pack("imagefolder", str(tree), dest=str(dest), workers=1, on_bad="skip")
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
        assert (report.samples, report.skipped) == (len(GOOD), 6)
        lines = (dest / ".wds-imagenet" / "report.jsonl").read_text().splitlines()
    skipped = {json.loads(line)["filename"]: json.loads(line)["reason"] for line in lines}
    assert {name: reason for name, reason in skipped.items() if "denied" not in name} == {
        "dog/gone.jpg": "is a symbolic link to /nowhere/gone.jpg, which does not exist; remove it",
        "dog/self.jpg": "is a symbolic link to self.jpg, which does not exist; remove it",
        "dog/up": "is a symbolic link to a folder above it; remove it",
        "dog/zero.jpg": "is a device, not a file; remove it",
        "dog/fifo.jpg": "is a FIFO, not a file; remove it",
    }
    assert "permission denied" in skipped["dog/denied.jpg"]


def test_folders_beside_that_may_not_be_read_do_not_matter():
    with TemporaryDirectory() as root:
        tree, closed = Path(root, "in"), Path(root, "closed")
        for name, data in GOOD.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(data)
        closed.mkdir(mode=0)
        (tree / "link").symlink_to(closed / "folder")
        Path(root, "unlisted").mkdir(mode=0o777)
        Path(root, "unlisted", "out").mkdir()
        Path(root, "unlisted", "out").chmod(0o777)
        for path, mode in ((Path(root), 0o777), (Path(root, "unlisted"), 0o711)):
            path.chmod(mode)
        if os.geteuid() == 0:
            os.seteuid(65534)
        try:
            for dest in (f"{root}/packed", f"{root}/unlisted/out"):
                assert pack("imagefolder", str(tree), dest=dest, workers=1).samples == len(GOOD)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
