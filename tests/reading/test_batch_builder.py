"""Bad samples among good ones: the first is raised, and a skipped one leaves nothing in the batch."""

import hashlib
import io
import tarfile
import threading
import time
import zlib
from itertools import chain

import numpy as np
import pytest
from PIL import Image

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.errors import CorruptError, DataError, StoreError
from wds_imagenet.format.manifest import MANIFEST_PATH, Block, Manifest, Shard
from wds_imagenet.images import render
from wds_imagenet.images.render import native_module
from wds_imagenet.reading.fetch_blocks import Fetcher

CROP = RandomResizedCrop(16, flip=True)
GOOD = {"cls": b"5", "txt": b"a cat", "json": b'{"n": 1}'}
BAD = {
    "label": {"cls": b"cat"},
    "label in JSON": {"cls": None, "json": b"{"},
    "caption": {"txt": b"\xff"},
    "JSON": {"json": b"[]"},
    "image": {"jpg": b"\xff\xd8\xff\xd9"},
    "no image": {"jpg": None},
}


def jpeg(level):
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (level, 90, 200)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def dataset_of(tmp_path):
    """Return a function that makes a data set, a shard a sample, of what each has unlike a good one."""

    def make(*samples):
        shards = []
        for number, sample in enumerate(samples):
            file = io.BytesIO()
            with tarfile.open(fileobj=file, mode="w") as archive:
                for suffix, data in {"jpg": jpeg(number), **GOOD, **sample}.items():
                    if data is not None:
                        member = tarfile.TarInfo(f"k{number:04}.{suffix}")
                        member.size = len(data)
                        archive.addfile(member, io.BytesIO(data))
            data = file.getvalue()
            (tmp_path / f"{number:04}.tar").write_bytes(data)
            block = Block(len(data), 1, zlib.crc32(data))
            digest = hashlib.sha256(data).hexdigest()
            shards.append(Shard(f"{number:04}.tar", len(data), 1, digest, (block,)))
        manifest = Manifest("hostile", "train", (), "0" * 64, tuple(shards))
        (tmp_path / MANIFEST_PATH).parent.mkdir()
        (tmp_path / MANIFEST_PATH).write_bytes(manifest.to_json())
        return Dataset.open(str(tmp_path))

    return make


@pytest.fixture(params=["native", "reference"])
def engine(request, monkeypatch):
    if request.param == "reference":
        monkeypatch.setattr(render, "native_module", lambda: None)
    elif native_module() is None:
        pytest.skip("the native engine was not built")


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.usefixtures("engine")
def test_nothing_of_a_skipped_sample_is_left_in_its_row(dataset_of, bad):
    dataset = dataset_of(*[{}] * 9, bad, *[{}] * 9)
    whole = Loader(dataset, CROP, 19, on_bad="skip", with_json=True, with_captions=True, shuffle=False)
    (batch,) = whole
    assert batch.mask.tolist() == [True] * 9 + [False] + [True] * 9
    assert batch.keys == [f"k{i:04}" if i != 9 else "" for i in range(19)]
    assert batch.labels.tolist() == [5] * 9 + [-100] + [5] * 9
    assert batch.captions == ["a cat" if i != 9 else "" for i in range(19)]
    assert batch.json == [{"n": 1} if i != 9 else {} for i in range(19)]
    assert [bool(image.any()) for image in batch.images] == batch.mask.tolist()
    assert whole.state_dict()["skipped"] == ["k0009"]


@pytest.mark.parametrize("later", BAD.values(), ids=BAD)
@pytest.mark.parametrize("first", BAD.values(), ids=BAD)
@pytest.mark.usefixtures("engine")
def test_the_first_bad_sample_of_a_task_is_the_error(dataset_of, first, later):
    dataset = dataset_of({}, {}, first, {}, later, {})
    with pytest.raises(DataError) as caught:
        list(Loader(dataset, CROP, 6, with_json=True, with_captions=True, shuffle=False, threads=1))
    notes = " ".join(caught.value.__notes__)
    assert "'k0002' (number 2 of the data set" in notes
    assert "k0004" not in notes


def test_unused_labels_are_read_too(dataset_of):
    with pytest.raises(CorruptError, match="not an integer"):
        list(Loader(dataset_of({}, {"cls": b"9" * 19}), CROP, 2))


def test_samples_without_a_label_have_none(dataset_of):
    (batch,) = Loader(dataset_of({"cls": None}, {"cls": b" -3\n"}), CROP, 2, shuffle=False)
    assert batch.labels.tolist() == [-100, -3]


def test_an_error_does_not_wait_for_blocks_that_come_later(dataset_of, monkeypatch):
    dataset = dataset_of(*[{}] * 40)
    late, real = threading.Event(), Fetcher.read

    def read(self, location):
        if location.first_sample == 0:
            raise StoreError("it is not there")
        if location is dataset.block_locations[-1]:
            late.wait(20)
        return real(self, location)

    monkeypatch.setattr(Fetcher, "read", read)
    monkeypatch.setattr("wds_imagenet.util.threads.CancelToken.cancel", lambda _: late.set())
    began = time.monotonic()
    with pytest.raises(StoreError, match="not there"):
        list(Loader(dataset, CROP, 40, shuffle=False, threads=8))
    assert time.monotonic() - began < 15


def test_more_crops_than_a_side_may_have_are_written_nowhere():
    native = native_module()
    if native is None:
        pytest.skip("the native engine was not built")
    many = (1 << 20) + 5
    around = np.zeros((many + 1, 1, 1, 3), np.uint8)
    rule = RandomResizedCrop(1).rule
    done = native.crop_drawn([jpeg(1)], [many - 2], np.zeros(many, np.int64), 5, rule, around[1:], True)
    assert done == b"\0"
    assert np.flatnonzero(around.any(axis=(1, 2, 3))).tolist() == [many - 1]


def test_all_that_holds_the_gil_is_counted(small_shards):
    with Loader(str(small_shards), CROP, 16, threads=1) as loader:
        list(chain(loader, loader))
        stats = loader.stats()
    assert 0 < stats.plan_cpu_seconds < stats.interpreter_cpu_seconds
    parts = stats.plan_cpu_seconds + stats.walk_cpu_seconds + stats.transform_cpu_seconds
    assert stats.interpreter_cpu_seconds == pytest.approx(parts - stats.native_cpu_seconds)
