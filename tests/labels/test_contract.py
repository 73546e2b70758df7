"""The contract of every label source: the facts on which packing relies, tested on each source alike."""

import inspect
import io
import json
import tarfile
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest

from wds_imagenet.errors import UsageError
from wds_imagenet.inputs.json_types import kind_of
from wds_imagenet.labels.registry import LABELS
from wds_imagenet.util import strict_json


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


class LabelSourceContract:
    """Inherit this class as `Test…`, and describe one small file of the label source."""

    name: str
    """The name of the source in `LABELS`."""
    stems: tuple[str, ...]
    """Stems of images that the file annotates."""

    @abstractmethod
    def content(self, *, changed=False):
        """Return the file's bytes; `changed`: with another annotation of one of the stems."""

    @pytest.fixture
    def read(self, tmp_path):
        def write_and_read(data, folder="a"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "labels").write_bytes(data)
            return LABELS[self.name](str(tmp_path / folder / "labels"))

        return write_and_read

    @pytest.fixture
    def labels(self, read):
        return read(self.content())

    def annotations(self, labels):
        return [labels.find(stem) for stem in self.stems]

    def test_annotations_keep_to_the_declaration(self, labels):
        for annotation in self.annotations(labels):
            kinds = {name: kind_of(value) for name, value in annotation.metadata.items()}
            assert kinds == {name: labels.fields[name] for name in kinds}
            assert tuple(item.suffix for item in annotation.attachments) == labels.suffixes
            assert labels.labelled or annotation.label is None
            assert labels.captioned or annotation.caption is None
            strict_json.dumps(dict(annotation.metadata))

    def test_images_are_counted(self, labels):
        assert labels.count >= len(self.stems)

    def test_an_image_that_the_file_lacks_has_no_annotation(self, labels):
        assert labels.find("n99999999_1") is None
        assert labels.find("") is None

    def test_a_file_has_the_same_hash_at_another_url(self, labels, read):
        assert labels.sha256
        assert labels.sha256 == read(self.content(), "b").sha256

    def test_another_annotation_has_another_hash(self, labels, read):
        changed = read(self.content(changed=True), "b")
        assert changed.sha256 != labels.sha256
        assert self.annotations(changed) != self.annotations(labels)

    def test_many_threads_find_the_same(self, labels):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(labels.find, self.stems * 50))
        assert found == self.annotations(labels) * 50

    def test_a_remote_file_is_read_alike(self, labels):
        fsspec.filesystem("memory").pipe_file(f"/contract/{self.name}", self.content())
        remote = LABELS[self.name](f"memory://contract/{self.name}")
        assert (remote.sha256, remote.count) == (labels.sha256, labels.count)

    def test_a_missing_file_is_a_usage_error(self, tmp_path):
        with pytest.raises(UsageError, match="there is no"):
            LABELS[self.name](str(tmp_path / "none"))


class TestCaptions(LabelSourceContract):
    name = "captions"
    stems = ("n01440764_1", "n01440764_2")

    def content(self, *, changed=False):
        titles = ("a tench", "another tench" if changed else "a fish")
        return json.dumps(
            [
                {
                    "filename": f"{stem}.JPEG",
                    "wnid": "n01440764",
                    "title": title,
                    "tags": [],
                    "description": "",
                }
                for stem, title in zip(self.stems, titles, strict=True)
            ]
        ).encode()


class TestReal(LabelSourceContract):
    name = "real"
    stems = ("ILSVRC2012_val_00000002", "ILSVRC2012_val_00050000")

    def content(self, *, changed=False):
        return json.dumps([[1], [2, 3], *[[]] * 49_997, [5 if changed else 4]]).encode()


class TestImagenetV2(LabelSourceContract):
    name = "imagenetv2"
    stems = (f"{0:040x}", f"{1:040x}")

    def content(self, *, changed=False):
        images = [[f"{i:040x}", f"n{i // 2 if changed else i:08d}"] for i in range(1000)]
        images += [[f"{i:040x}", f"n{i - 1000:08d}"] for i in range(1000, 2000)]
        return json.dumps({"image_filenames": images}).encode()


class TestRelabel(LabelSourceContract):
    name = "relabel"
    stems = ("n01440764_1", "n01440764_2")

    def content(self, *, changed=False):
        first = b"m" * (7 if changed else 5)
        return tar({f"n01440764/{self.stems[0]}.pt": first, f"n01440764/{self.stems[1]}.pt": b"n"})

    def test_a_file_has_the_same_hash_at_another_url(self, labels, read):
        elsewhere = read(self.content(), "b")
        assert labels.sha256 == elsewhere.sha256
        assert self.annotations(elsewhere) != self.annotations(labels)  # an attachment has a URL


class TestBoxes(LabelSourceContract):
    name = "boxes"
    stems = ("n01440764_1", "ILSVRC2012_val_00000001")

    def content(self, *, changed=False):
        def xml(xmax):
            return (
                "<annotation><size><width>9</width><height>9</height></size><object><name>n01440764</name>"
                f"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{xmax}</xmax><ymax>5</ymax></bndbox></object>"
                "</annotation>"
            ).encode()

        return tar({f"{self.stems[0]}.xml": xml(6 if changed else 5), f"{self.stems[1]}.xml": xml(7)})


class TestKaggle(LabelSourceContract):
    name = "kaggle"
    stems = ("n01440764_1", "ILSVRC2012_val_00000001")

    def content(self, *, changed=False):
        first, second = self.stems
        last = 6 if changed else 5
        return (
            f"ImageId,PredictionString\n{first},n01440764 1 1 2 {last} \n{second},n01443537 1 1 3 3 \n"
        ).encode()


class TestBlacklist(LabelSourceContract):
    name = "blacklist"
    stems = ("ILSVRC2012_val_00000001", "ILSVRC2012_val_00050000")

    def content(self, *, changed=False):
        numbers = [*range(1, 1762), 50_000] if changed else range(1, 1763)
        return "".join(f"{number}\n" for number in numbers).encode()


def test_every_source_that_annotates_images_has_the_contract():
    assert {kind.name for kind in LabelSourceContract.__subclasses__()} == set(LABELS) - {"names"}


@pytest.mark.parametrize("name", LABELS)
def test_a_source_takes_a_url_texts_with_help_and_storage_options(name):
    url, *options, storage = inspect.signature(LABELS[name]).parameters.values()
    assert (url.name, storage.name) == ("url", "storage_options")
    for option in options:
        assert (option.kind, option.default) == (option.KEYWORD_ONLY, None)
        assert option.annotation.__metadata__[0]
    assert LABELS[name].__doc__.partition("\n")[0]
