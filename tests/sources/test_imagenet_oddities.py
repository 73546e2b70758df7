"""The PNG and the CMYK files among ILSVRC2012's training images, packed under their own names."""

import io
import json
import tarfile

import pytest
from PIL import Image

from wds_imagenet.errors import ImageError
from wds_imagenet.packing.api import pack

PNG = "n02105855_2933.JPEG"
CMYK = ("n01739381_1309.JPEG", "n03633091_5218.JPEG", "n13037406_4650.JPEG")


@pytest.fixture(scope="module")
def odd(train_images):
    """Return a photo as the one PNG that is named .JPEG, and as CMYK."""
    photo = Image.open(io.BytesIO(train_images[min(train_images)])).resize((64, 48))

    def encoded(mode, form):
        buffer = io.BytesIO()
        photo.convert(mode).save(buffer, form)
        return buffer.getvalue()

    return {PNG: encoded("RGB", "PNG"), **{name: encoded("CMYK", "JPEG") for name in CMYK}}


@pytest.fixture
def archive(odd, train_images, make_tar, tmp_path):
    """Lay them out in a train archive among a photo as it was released."""
    plain = min(train_images)
    files = {**odd, plain: train_images[plain]}
    (tmp_path / "train.tar").write_bytes(
        make_tar({f"{n[:9]}.tar": make_tar({n: c}) for n, c in files.items()})
    )
    return f"{tmp_path}/train.tar"


def packed(archive, dest, devkit, **options):
    """Pack, and return every member, and the audit by the file's name."""
    report = pack("imagenet", archive, dest=str(dest), devkit=devkit, workers=1, **options)
    with tarfile.open(next(dest.glob("*.tar"))) as shard:
        members = {member.name: shard.extractfile(member).read() for member in shard}
    lines = (dest / ".wds-imagenet" / "report.jsonl").read_text().splitlines()
    return report, members, [json.loads(line) for line in lines]


def test_png_and_cmyk_files_are_kept_byte_for_byte_with_a_line_in_the_audit(archive, odd, devkit, tmp_path):
    report, members, audit = packed(archive, tmp_path / "out", devkit)
    assert (report.samples, report.skipped, report.repaired) == (5, 0, 0)
    assert members["n02105855_2933.png"] == odd[PNG]
    for name in CMYK:
        assert members[name.replace("JPEG", "jpg")] == odd[name]
    lines = {line["key"]: json.dumps(line) for line in audit}
    assert set(lines) == {name[:-5] for name in odd}
    assert "PNG by its bytes" in lines[PNG[:-5]]
    assert all("CMYK" in lines[name[:-5]] for name in CMYK)


def test_cmyk_is_repaired_where_that_is_the_policy(archive, odd, devkit, tmp_path):
    report, members, audit = packed(archive, tmp_path / "out", devkit, on_bad="repair")
    assert (report.samples, report.repaired) == (5, 3)
    for name in CMYK:
        assert Image.open(io.BytesIO(members[name.replace("JPEG", "jpg")])).mode == "RGB"
    assert members["n02105855_2933.png"] == odd[PNG]
    assert {line["key"] for line in audit} == {name[:-5] for name in odd}


def test_labels_are_the_wnids_whatever_the_bytes_are(archive, odd, devkit, tmp_path, wnids):
    _, members, _ = packed(archive, tmp_path / "out", devkit)
    for name in odd:
        assert int(members[f"{name[:-5]}.cls"]) == wnids.index(name[:9])


def test_an_image_cut_off_is_refused_and_nothing_is_published(train_images, make_tar, devkit, tmp_path):
    name = min(train_images)
    inner = make_tar({name: train_images[name][:5000]})
    (tmp_path / "train.tar").write_bytes(make_tar({f"{name[:9]}.tar": inner}))
    with pytest.raises(ImageError) as caught:
        pack("imagenet", f"{tmp_path}/train.tar", dest=f"{tmp_path}/out", devkit=devkit, workers=1)
    assert name in str(caught.value)
    assert not (tmp_path / "out" / ".wds-imagenet" / "manifest.json").exists()
