"""Released layouts of small data sets with real photos, and the one check that all must pass.

The builder of a set states the expected samples, from the names and the published lists, not from our code.
"""

import gzip
import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wds_imagenet import Dataset, Loader, ResizeCenterCrop, pack
from wds_imagenet.images.header import MAX_PIXELS
from wds_imagenet.reading.findings.blocks import verify_blocks
from wds_imagenet.storage import open_store


def tar(files, form=tarfile.GNU_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@dataclass(frozen=True)
class Known:
    """The expected content of a sample."""

    data: bytes
    label: int | None = None
    json: dict = field(default_factory=dict)
    caption: str | None = None


@dataclass(frozen=True)
class World:
    """The genuine lists, and photos enough."""

    folder: Path
    photos: list
    """(WNID, bytes) of the smaller ones."""
    wnids: list
    truth: list
    """The WNID of each validation image, by the devkit's numbers and map_clsloc.txt."""

    @staticmethod
    def tar(files):
        return tar(files)

    @staticmethod
    def gz(files):
        return gzip.compress(tar(files), 1)

    def read(self, path):
        return (self.folder / path).read_bytes()

    def lines(self, path):
        return self.read(path).decode().split()


@pytest.fixture(scope="session")
def world(photos):
    found = sorted((photos / "imagenet-sample").iterdir(), key=lambda path: (path.stat().st_size, path.name))
    images = [(path.name[:9], path.read_bytes()) for path in found[20:260:10]]
    rows = [line.split() for line in (photos / "ilsvrc2012" / "map_clsloc.txt").read_text().splitlines()]
    by_id = {int(number): wnid for wnid, number, _ in rows}
    with tarfile.open(photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz") as archive:
        name = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
        numbers = archive.extractfile(name).read().split()
    wnids = (photos / "ilsvrc2012" / "imagenet_synsets.txt").read_text().split()
    return World(photos, images, wnids, [by_id[int(number)] for number in numbers])


@pytest.fixture(scope="session")
def known():
    """Return the type of an expected sample."""
    return Known


@pytest.fixture(params=["disk", "s3"])
def at(request, tmp_path):
    """The URL of the folder that holds the input and the packed data set."""
    return str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3_url")


@pytest.fixture
def packs(at):
    """Return a function that packs released files, verifies them, and compares each sample."""

    def check(source, files, inputs, known, **options):
        store = open_store(f"{at}/in")
        for path, content in files.items():
            store.put(path, content.encode() if isinstance(content, str) else content)
        there = {n: f"{at}/in/{v[1:]}" if str(v).startswith("@") else v for n, v in options.items()}
        urls = [f"{at}/in/{one}".rstrip("/") for one in inputs]
        dest = f"{at}/out/packed"
        report = pack(source, *urls, dest=dest, samples_per_shard=5, workers=1, **there)
        assert report.samples == len(known)
        checks = verify_blocks(Dataset.open(dest), max_pixels=MAX_PIXELS)
        findings = [finding for checked in checks for finding in checked.findings]
        assert not findings
        read_back(Dataset.open(dest), known)
        return report

    return check


def read_back(dataset, known):
    samples = list(dataset.samples())
    assert sorted(sample.key for sample in samples) == sorted(known)
    for sample in samples:
        expected = known[sample.key]
        assert sample.image == expected.data, sample.key
        assert (sample.label, sample.caption) == (expected.label, expected.caption), sample.key
        assert {name: sample.json.get(name) for name in expected.json} == expected.json, sample.key
    loader = Loader(dataset, ResizeCenterCrop(36, 32), batch_size=4, shuffle=False, threads=1)
    with loader:
        rows = [row for b in loader for row in zip(b.keys, b.labels.tolist(), b.mask.tolist(), strict=True)]
    read = [(key, label) for key, label, real in rows if real]
    # -100 is what torch's losses leave out.
    assert read == [(s.key, -100 if s.label is None else s.label) for s in samples]
