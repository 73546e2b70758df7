import io
import tarfile

import fsspec
import numpy as np
import pytest

from wds_imagenet.errors import CorruptError, SourceError
from wds_imagenet.labels.relabel import label_map, relabel

torch = pytest.importorskip("torch")


def stored(seed=0):
    rng = np.random.default_rng(seed)
    labels = np.argsort(rng.random((1000, 15, 15)), axis=0)[:5]
    return np.stack([rng.normal(8, 4, (5, 15, 15)), labels]).astype(np.float16)


def saved(array):
    out = io.BytesIO()
    torch.save(torch.from_numpy(array) if isinstance(array, np.ndarray) else array, out)
    return out.getvalue()


NAMES = ["n01440764/n01440764_10026.pt", "n01440764/n01440764_18.pt", "n01443537/n01443537_2.pt"]
MAPS = {name: saved(stored(seed)) for seed, name in enumerate(NAMES)}


def archive(files, folder="relabel_imagenet/"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(folder + name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def read(place):
    with fsspec.open(place.url) as file:
        file.seek(place.offset)
        return file.read(place.size)


@pytest.mark.parametrize("form", ["tar", "folder", "remote"])
def test_a_map_is_found_by_its_image_and_not_read(form, tmp_path):
    if form == "folder":
        for name, data in MAPS.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data)
        url = str(tmp_path)
    elif form == "tar":
        url = str(tmp_path / "relabel_imagenet.tar")
        (tmp_path / "relabel_imagenet.tar").write_bytes(archive(MAPS))
    else:
        url = "memory://relabel/maps.tar"
        fsspec.filesystem("memory").pipe_file("/relabel/maps.tar", archive(MAPS))
    labels = relabel(url)
    for name, data in MAPS.items():
        (place,) = labels.find(name.split("/")[1].removesuffix(".pt")).attachments
        assert (place.suffix, place.encoding, read(place)) == ("relabel.npy", "torch", data)
    assert (labels.count, labels.suffixes, labels.notes) == (3, ("relabel.npy",), ())
    assert labels.find("n01440764_1") is None


def test_other_files_are_ignored_with_a_note(tmp_path):
    (tmp_path / "a.tar").write_bytes(
        archive({**MAPS, "README.txt": b"x", "n01440764/._n01440764_18.pt": b"x"})
    )
    labels = relabel(str(tmp_path / "a.tar"))
    assert labels.count == 3
    assert "ignored files that are not label maps, 2 in all" in labels.notes[0]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"README.txt": b"x"}, "there are no label maps"),
        (
            {"n01443537/n01440764_18.pt": b"x"},
            "is of the class n01440764, but lies in the folder of n01443537",
        ),
        ({**MAPS, f"again/{NAMES[0]}": b"x"}, "is a second label map of n01440764_10026"),
        ({NAMES[0]: b""}, "has 0 bytes"),
        ({NAMES[0]: bytes(2 << 20)}, "has 2,097,152 bytes"),
    ],
)
def test_malformed_maps_are_named(files, message, tmp_path):
    (tmp_path / "a.tar").write_bytes(archive(files))
    with pytest.raises(SourceError, match=message):
        relabel(str(tmp_path / "a.tar"))


def test_an_archive_that_is_cut_off_is_refused(tmp_path):
    (tmp_path / "a.tar").write_bytes(archive(MAPS)[:9000])
    with pytest.raises(CorruptError):
        relabel(str(tmp_path / "a.tar"))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_map_becomes_an_array_of_half_floats(dtype):
    found = np.load(io.BytesIO(label_map(saved(stored().astype(dtype)), "a.pt")))
    assert (found.dtype, found.shape) == (np.float16, (2, 5, 15, 15))
    np.testing.assert_array_equal(found, stored())
    np.testing.assert_array_equal(found[1], stored()[1].astype(int))


def test_the_same_map_gives_the_same_bytes():
    assert label_map(saved(stored()), "a.pt") == label_map(saved(stored().astype(np.float32)), "b.pt")
    assert len(label_map(saved(stored()), "a.pt")) == 128 + 2 * 5 * 15 * 15 * 2


def changed(place, value):
    array = stored().astype(np.float64)
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (changed((1, 0, 0, 0), 1000), "not whole numbers from 0 to 999"),
        (changed((1, 0, 0, 0), -1), "not whole numbers"),
        (changed((1, 0, 0, 0), 1.5), "not whole numbers"),
        (changed((1, 0, 0, 0), np.nan), "not whole numbers"),
        (changed((1, slice(2), 0, 0), 7), "a cell has a label twice"),
        (changed((0, 0, 0, 0), np.inf), "not finite"),
        (changed((0, 0, 0, 0), np.nan), "not finite"),
        (changed((0, 0, 0, 0), 1e6), "too large for float16"),
        (stored()[:, :, :14], r"Tensor \[2, 5, 14, 15\], not a tensor"),
        (stored()[0], r"Tensor \[5, 15, 15\]"),
        ({"a": 1}, r"holds dict \[\]"),
    ],
)
def test_tensors_that_are_no_label_map_are_refused_by_name(value, message):
    with pytest.raises(SourceError, match=r"^n01440764_18\.pt") as caught:
        label_map(saved(value), "n01440764_18.pt")
    caught.match(message)


class Evil:
    def __reduce__(self):
        return (print, ("run",))


def test_no_code_in_a_map_is_run(capsys):
    with pytest.raises(SourceError, match=r"a\.pt holds .*rejected"):
        label_map(saved(Evil()), "a.pt")
    with pytest.raises(SourceError, match=r"a\.pt"):
        label_map(b"PK\x03\x04 not a file of torch", "a.pt")
    assert capsys.readouterr().out == ""
