"""Packing a stream, which is read once, gives the same guarantees as packing a listing."""

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from webdataset.tariterators import group_by_keys, tar_file_expander

from wds_imagenet.errors import CorruptError, DataError, ImageError, PlanError, SourceError, UsageError
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_stream
from wds_imagenet.packing.report import PackProgress
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.sources import Attachment, Listing, Reference, Stream, StreamedImage
from wds_imagenet.storage import open_store

HashFiles = Callable[[Path], dict[str, str]]
OPTIONS = PackOptions(name="small", samples_per_shard=8, block_bytes=4000, window_bytes=20_000)
MANIFEST = ".wds-imagenet/manifest.json"


@pytest.fixture(scope="module")
def arrivals(small: Listing) -> list[StreamedImage]:
    """The small pictures, with places in one archive."""
    return [
        StreamedImage(replace(r, url="a.tar.gz", offset=512 * (i + 1)), Path(r.url).read_bytes())
        for i, r in enumerate(small.references)
    ]


@pytest.fixture(scope="module")
def stream(arrivals: list[StreamedImage], small: Listing) -> Stream:
    return make(arrivals, classes=small.classes)


def make(arrivals: Sequence[StreamedImage], **fields: Any) -> Stream:
    told: dict[str, Any] = {"identity": {"file": "a.tar.gz", "bytes": 99}, "labelled": True, **fields}
    return Stream(images=lambda: iter(arrivals), **told)


def failing(arrivals: Sequence[StreamedImage], count: int) -> Callable[[], Iterator[StreamedImage]]:
    def broken() -> Iterator[StreamedImage]:
        yield from islice(arrivals, count)
        raise CorruptError("the gzip data is cut off")

    return broken


def keys(url: str | Path) -> list[str]:
    return open_store(str(url)).read(".wds-imagenet/keys.txt").data.decode().split()


class Contract:
    """Inherit this class, and override `url` with an empty destination."""

    def test_every_image_is_there_byte_for_byte(
        self, url: str, stream: Stream, arrivals: list[StreamedImage]
    ) -> None:
        report = pack_stream(stream, url, OPTIONS)
        dataset = Dataset.open(url)
        assert (report.samples, report.shards, len(dataset)) == (60, 8, 60)
        for arrival in arrivals:
            sample = dataset[arrival.reference.key]
            assert sample.image == arrival.data
            assert sample.label == arrival.reference.label
            assert sample.json["class_name"] == f"class {arrival.reference.label}"
            assert sample.json["sha256"] == hashlib.sha256(arrival.data).hexdigest()

    def test_an_interrupted_run_is_resumed(
        self, url: str, stream: Stream, arrivals: list[StreamedImage], tmp_path: Path
    ) -> None:
        with pytest.raises(CorruptError, match="cut off"):
            pack_stream(replace(stream, images=failing(arrivals, 50)), url, OPTIONS)
        store = open_store(url)
        done = list(store.list_objects("small-train-"))  # each of them has its receipt
        assert 1 <= len(done) < 8
        assert not list(store.list_objects(MANIFEST))
        report = pack_stream(stream, url, OPTIONS)
        assert report.resumed == len(done)
        pack_stream(stream, str(tmp_path / "undisturbed"), OPTIONS)
        assert keys(url) == keys(tmp_path / "undisturbed")
        assert store.read(MANIFEST).data == (tmp_path / "undisturbed" / MANIFEST).read_bytes()

    def test_a_second_run_reads_nothing(
        self, url: str, stream: Stream, arrivals: list[StreamedImage]
    ) -> None:
        first = pack_stream(stream, url, OPTIONS)
        again = pack_stream(replace(stream, images=failing(arrivals, 0)), url, OPTIONS)
        assert (again.resumed, again.samples, again.manifest) == (8, 60, first.manifest)


class TestLocal(Contract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "packed")


class TestS3(Contract):
    @pytest.fixture
    def url(self, s3_url: str) -> str:
        return f"{s3_url}/packed"


class TestMemory(Contract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"memory://{tmp_path.name}/packed"


def test_the_bytes_do_not_depend_on_the_threads(
    stream: Stream, tmp_path: Path, hash_files: HashFiles
) -> None:
    for workers in (1, 2, 5):
        pack_stream(stream, str(tmp_path / str(workers)), OPTIONS, workers=workers)
    assert hash_files(tmp_path / "1") == hash_files(tmp_path / "2") == hash_files(tmp_path / "5")


def test_webdataset_reads_the_shards(stream: Stream, arrivals: list[StreamedImage], tmp_path: Path) -> None:
    pack_stream(stream, str(tmp_path), OPTIONS)
    shards = [{"url": p.name, "stream": io.BytesIO(p.read_bytes())} for p in sorted(tmp_path.glob("*.tar"))]
    found = {sample["__key__"]: sample["jpg"] for sample in group_by_keys(tar_file_expander(shards))}
    assert found == {arrival.reference.key: arrival.data for arrival in arrivals}


def test_unshuffled_the_order_is_the_streams_own(
    stream: Stream, arrivals: list[StreamedImage], tmp_path: Path
) -> None:
    pack_stream(stream, str(tmp_path), replace(OPTIONS, split="validation"))
    assert keys(tmp_path) == [arrival.reference.key for arrival in arrivals]


def test_shuffled_the_order_is_another_one_for_each_seed(stream: Stream, tmp_path: Path) -> None:
    for seed in (0, 1):
        pack_stream(stream, str(tmp_path / str(seed)), replace(OPTIONS, seed=seed))
    natural = [arrival.reference.key for arrival in stream.images()]
    assert len({tuple(keys(tmp_path / "0")), tuple(keys(tmp_path / "1")), tuple(natural)}) == 3
    assert sorted(keys(tmp_path / "0")) == sorted(natural)


def test_shards_are_cut_by_bytes(stream: Stream, tmp_path: Path) -> None:
    pack_stream(stream, str(tmp_path), PackOptions("small", shard_bytes=40_000))
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("*.tar"))]
    assert len(sizes) > 2
    assert all(25_000 < size < 50_000 for size in sizes[:-1])


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"window_bytes": 30_000},
        {"samples_per_shard": 9},
        {"identity": {"file": "a", "bytes": 98}},
    ],
    ids=str,
)
def test_another_plan_is_refused(
    stream: Stream, arrivals: list[StreamedImage], tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(CorruptError):
        pack_stream(replace(stream, images=failing(arrivals, 55)), str(tmp_path), OPTIONS)
    other, options = stream, OPTIONS
    if "identity" in change:
        other = replace(stream, **change)
    else:
        options = replace(OPTIONS, **change)
    with pytest.raises(PlanError, match="another plan"):
        pack_stream(other, str(tmp_path), options)


def test_the_window_changes_nothing_without_shuffling(
    stream: Stream, tmp_path: Path, hash_files: HashFiles
) -> None:
    options = replace(OPTIONS, shuffle=False)
    pack_stream(stream, str(tmp_path / "a"), options)
    pack_stream(stream, str(tmp_path / "b"), replace(options, window_bytes=5))
    assert hash_files(tmp_path / "a") == hash_files(tmp_path / "b")


def test_what_a_damaged_archive_gave_is_not_kept(
    stream: Stream, arrivals: list[StreamedImage], tmp_path: Path, hash_files: HashFiles
) -> None:
    # Gzip tells only at its end that a bit was flipped: by then the shard lies there, with its receipt.
    damaged = list(arrivals)
    damaged[3] = replace(damaged[3], data=damaged[3].data[:200] + b"\x55" + damaged[3].data[201:])
    with pytest.raises(CorruptError):
        pack_stream(replace(stream, images=failing(damaged, 60)), str(tmp_path / "a"), OPTIONS)
    report = pack_stream(stream, str(tmp_path / "a"), OPTIONS)
    pack_stream(stream, str(tmp_path / "b"), OPTIONS)
    assert 0 < report.resumed < 8
    assert hash_files(tmp_path / "a") == hash_files(tmp_path / "b")


def test_a_shard_that_this_stream_does_not_give_is_refused(stream: Stream, tmp_path: Path) -> None:
    with pytest.raises(CorruptError):
        pack_stream(replace(stream, images=failing(list(stream.images()), 55)), str(tmp_path), OPTIONS)
    (tmp_path / "small-train-000099.tar").write_bytes(b"x")
    with pytest.raises(PlanError, match=r"small-train-000099\.tar"):
        pack_stream(stream, str(tmp_path), OPTIONS)
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize("count", [0, 5])
def test_nothing_is_put_before_a_shard_is_full(
    stream: Stream, arrivals: list[StreamedImage], tmp_path: Path, count: int
) -> None:
    dest = tmp_path / "dest"
    with pytest.raises(CorruptError):
        pack_stream(replace(stream, images=failing(arrivals, count)), str(dest), OPTIONS)
    assert not dest.exists() or not list(dest.rglob("*.*"))


def test_a_stream_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there are no images"):
        pack_stream(make([]), str(tmp_path), OPTIONS)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("apart", [1, 40])
def test_two_images_with_one_key_are_found_before_the_manifest(
    arrivals: list[StreamedImage], tmp_path: Path, apart: int
) -> None:
    twice = list(arrivals)
    twice[apart] = replace(
        twice[apart], reference=replace(twice[apart].reference, key=arrivals[0].reference.key)
    )
    with pytest.raises(SourceError, match=f"the same key '{arrivals[0].reference.key}'") as caught:
        pack_stream(make(twice), str(tmp_path), replace(OPTIONS, shuffle=False))
    told = "small-train-000000.tar" if apart == 40 else "offset 1,024"
    assert told in str(caught.value)
    assert not (tmp_path / MANIFEST).exists()


def test_keys_that_differ_in_case_alone_are_noted(arrivals: list[StreamedImage], tmp_path: Path) -> None:
    some = list(arrivals)
    some[40] = replace(some[40], reference=replace(some[40].reference, key=some[0].reference.key.upper()))
    report = pack_stream(make(some), str(tmp_path), replace(OPTIONS, shuffle=False))
    assert "1 keys differ from another in case alone" in report.notes[-1]


def test_an_image_that_cannot_be_used_names_member_and_offset(
    arrivals: list[StreamedImage], tmp_path: Path
) -> None:
    bad = [*arrivals[:9], replace(arrivals[9], data=b"no image"), *arrivals[10:]]
    with pytest.raises(ImageError, match=f"a.tar.gz, member '{arrivals[9].reference.name}' at offset 5,120"):
        pack_stream(make(bad), str(tmp_path / "fail"), OPTIONS)
    report = pack_stream(make(bad), str(tmp_path / "skip"), replace(OPTIONS, on_bad="skip"))
    assert (report.samples, report.skipped) == (59, 1)
    remark = json.loads((tmp_path / "skip" / ".wds-imagenet/report.jsonl").read_text())
    assert (remark["key"], remark["action"]) == (arrivals[9].reference.key, "skipped")


def change(reference: Reference, **fields: Any) -> Reference:
    return replace(reference, **fields)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"label": None}, "has no label"),
        ({"label": 7}, "has the label 7, but the class table has 0 to 6"),
        ({"label": -1}, "has the label -1"),
        ({"caption": "a dog"}, "has a caption, but the stream declares none"),
        (
            {"metadata": {"title": "x", "size": 3, "new": 1}},
            "has the field 'new', which the stream does not declare",
        ),
        ({"metadata": {"title": "x", "size": "3"}}, "'size' is declared as number, but is '3'"),
        ({"metadata": {"title": "x"}}, "has no 'size', and a number has no empty value"),
        ({"metadata": {"title": "\ud800", "size": 1}}, "has no JSON form"),
        ({"metadata": {"title": {1, 2}, "size": 1}}, "a set, which JSON cannot hold"),
        ({"attachments": (Attachment("npy", "x", 0, 1),)}, r"has the attachments \['npy'\]"),
        ({"key": "a.b"}, "key 'a.b' may hold"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_sample_that_contradicts_the_declaration_is_an_error(
    arrivals: list[StreamedImage], small: Listing, tmp_path: Path, fields: dict[str, Any], told: str
) -> None:
    fine = [replace(a, reference=change(a.reference, metadata={"title": "x", "size": 2})) for a in arrivals]
    fine[20] = replace(fine[20], reference=change(fine[20].reference, **fields))
    stream = make(fine, classes=small.classes, fields={"title": "text", "size": "number"})
    with pytest.raises(DataError if "key" in fields else SourceError, match=told) as caught:
        pack_stream(stream, str(tmp_path), OPTIONS)
    assert "offset 10,752" in "\n".join([str(caught.value), *caught.value.__notes__])
    assert not (tmp_path / MANIFEST).exists()


def test_declared_but_missing_fields_are_empty(arrivals: list[StreamedImage], tmp_path: Path) -> None:
    stream = make(arrivals, fields={"title": "text", "tags": "list"}, captioned=True)
    pack_stream(stream, str(tmp_path), OPTIONS)
    sample = next(iter(Dataset.open(str(tmp_path)).samples()))
    assert (sample.json["title"], sample.json["tags"], sample.caption) == ("", [], "")


def test_attachments_are_fetched_and_packed(arrivals: list[StreamedImage], tmp_path: Path) -> None:
    (tmp_path / "map.npy").write_bytes(b"an array")
    attached = (Attachment("map.npy", str(tmp_path / "map.npy"), 3, 5),)
    some = [replace(a, reference=change(a.reference, attachments=attached)) for a in arrivals]
    pack_stream(make(some, suffixes=("map.npy",)), str(tmp_path / "packed"), OPTIONS)
    found = [bytes(s.members["map.npy"]) for s in Dataset.open(str(tmp_path / "packed")).samples()]
    assert found == [b"array"] * len(arrivals)


def test_attachments_may_come_with_their_samples_and_others_be_read(
    arrivals: list[StreamedImage], tmp_path: Path
) -> None:
    (tmp_path / "map.npy").write_bytes(b"read")
    places = (
        Attachment("seg.png", "in.tar.gz", 99, 4),
        Attachment("a.bin", "in.tar.gz", 999, 0),
        Attachment("map.npy", str(tmp_path / "map.npy"), 0, None),
    )
    some = [
        replace(a, reference=change(a.reference, attachments=places), attached=(b"came", b""))
        for a in arrivals
    ]
    suffixes = tuple(place.suffix for place in places)
    pack_stream(make(some, suffixes=suffixes), str(tmp_path / "packed"), OPTIONS)
    samples = Dataset.open(str(tmp_path / "packed")).samples()
    found = [{suffix: bytes(sample.members[suffix]) for suffix in suffixes} for sample in samples]
    assert found == [{"seg.png": b"came", "a.bin": b"", "map.npy": b"read"}] * len(arrivals)


def test_an_attachment_that_can_be_no_member_is_refused(
    arrivals: list[StreamedImage], tmp_path: Path
) -> None:
    for suffix in ("cls", "Seg", "a b", "a..b"):
        with pytest.raises(SourceError, match=f"attachment '{suffix}', which no member can be"):
            pack_stream(make(arrivals, suffixes=(suffix,)), str(tmp_path), OPTIONS)


def test_progress_goes_by_the_bytes_of_images(
    stream: Stream, arrivals: list[StreamedImage], tmp_path: Path
) -> None:
    told: list[PackProgress] = []
    size = sum(len(arrival.data) for arrival in arrivals)
    pack_stream(replace(stream, size=size), str(tmp_path), OPTIONS, on_progress=told.append)
    assert [now.shards_done for now in told] == list(range(1, 9))
    assert (told[-1].bytes_done, told[-1].bytes_expected, told[-1].samples_done) == (size, size, 60)


def test_a_dry_run_reads_nothing_and_puts_nothing(stream: Stream, tmp_path: Path) -> None:
    dry = replace(stream, images=failing([], 0), size=1_000_000)
    options = PackOptions("small", shard_bytes=300_000)
    report = pack_stream(dry, str(tmp_path), options, dry_run=True)
    assert (report.manifest, report.shards, report.samples, report.bytes) == (None, 4, 0, 1_000_000)
    assert not list(tmp_path.iterdir())


def test_no_workers_are_refused(stream: Stream, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one worker"):
        pack_stream(stream, str(tmp_path), OPTIONS, workers=0)


class Counted(bytes):
    """Bytes whose living instances are counted."""

    live = most = 0

    def __init__(self, _: bytes) -> None:
        Counted.live += len(self)
        Counted.most = max(Counted.most, Counted.live)

    def __del__(self) -> None:
        Counted.live -= len(self)


@pytest.mark.parametrize("attached", [False, True])
def test_memory_is_bounded_by_the_window_and_the_shards(
    photo_files: list[Path], tmp_path: Path, *, attached: bool
) -> None:
    photos = [path.read_bytes() for path in photo_files[:50]]
    draw = random.Random(0)
    window, shard, largest = 2 << 20, 1 << 20, max(map(len, photos))
    count = 10 * (window + 4 * shard) * len(photos) // sum(map(len, photos))

    def arrive() -> Iterator[StreamedImage]:
        for i in range(count):
            data = Counted(draw.choice(photos))
            reference = Reference(f"k{i}", "a.tar.gz", 512 * i + 512, len(data), f"k{i}.jpg", 0)
            if attached:  # what is large comes beside the image
                place = (Attachment("x", "a.tar.gz", 0, len(data)),)
                yield StreamedImage(replace(reference, attachments=place), photos[i % 50], (data,))
            else:
                yield StreamedImage(reference, data)

    options = PackOptions("large", shard_bytes=shard, window_bytes=window, block_bytes=200_000)
    Counted.live = Counted.most = 0
    stream = Stream({"file": "a"}, arrive, labelled=True, suffixes=("x",) * attached)
    report = pack_stream(stream, str(tmp_path), options, workers=2)
    assert report.bytes > 8 * (window + 4 * shard)
    assert window < Counted.most <= window + 4 * shard + 4 * largest


@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_a_finished_data_set_is_repaired_from_the_stream(
    stream: Stream, tmp_path: Path, hash_files: HashFiles, damage: str
) -> None:
    pack_stream(stream, str(tmp_path), OPTIONS)
    whole = hash_files(tmp_path)
    shard = tmp_path / "small-train-000003.tar"
    data = bytearray(shard.read_bytes())
    shard.unlink()
    if damage == "flipped":
        data[700] ^= 1
        shard.write_bytes(data)
    pack_stream(stream, str(tmp_path), OPTIONS, check=True)
    assert hash_files(tmp_path) == whole


def test_a_member_of_a_compressed_tar_beyond_the_limit_is_left_out_without_memory_for_it(
    photo_files: Sequence[Path], tmp_path: Path, little_memory: Any
) -> None:
    archive, out = tmp_path / "imagenetv2-matched-frequency.tar.gz", tmp_path / "out"
    photos = [path.read_bytes() for path in photo_files[:2]]
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for number, data in enumerate([photos[0], bytes(120 << 20), photos[1]]):
            member = tarfile.TarInfo(f"imagenetv2-matched-frequency-format-val/{number}/{number:040x}.jpeg")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with little_memory(100 << 20):
        report = pack(
            "imagenet-v2", str(archive), dest=str(out), workers=1, on_bad="skip", max_image_bytes=1 << 20
        )
    assert (report.samples, report.skipped) == (2, 1)
    (line,) = (out / ".wds-imagenet" / "report.jsonl").read_text().splitlines()
    assert "has 125,829,120 bytes, and at most 1,048,576 are read" in line
    assert [sample.image for sample in Dataset.open(str(out)).samples()] == photos
