import io
import tarfile

import pytest

from wds_imagenet.errors import CorruptError, SourceError, UsageError
from wds_imagenet.imagenet import read_devkit
from wds_imagenet.imagenet.devkit import SynsetInfo


@pytest.fixture(scope="module")
def devkit(devkit_tar):
    return read_devkit(str(devkit_tar))


@pytest.fixture
def extracted(tmp_path, devkit_tar):
    with tarfile.open(devkit_tar) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "ILSVRC2012_devkit_t12"


def test_labels_are_the_places_of_the_sorted_wnids(devkit, ilsvrc):
    listed = (ilsvrc / "imagenet_synsets.txt").read_text().split()
    assert [info.wnid for info in devkit.classes] == listed
    assert listed.index("n01440764") == 0
    assert devkit.classes[0] == SynsetInfo("n01440764", 449, "tench, Tinca tinca", 1300)


def test_no_class_has_the_same_number_in_both_numberings(devkit):
    ids = [info.ilsvrc2012_id for info in devkit.classes]
    assert sorted(ids) == list(range(1, 1001))
    assert not any(identity - 1 == label for label, identity in enumerate(ids))


def test_identities_are_those_of_map_clsloc(devkit, ilsvrc):
    lines = [line.split() for line in (ilsvrc / "map_clsloc.txt").read_text().splitlines()]
    assert {info.wnid: info.ilsvrc2012_id for info in devkit.classes} == {w: int(i) for w, i, _ in lines}


@pytest.mark.genuine("the devkit's classes have 1,281,167 training images, each 732 or more")
def test_the_training_images_add_up(devkit):
    assert sum(info.train_images for info in devkit.classes) == 1_281_167
    assert min(info.train_images for info in devkit.classes) == 732


def test_validation_labels_are_the_ground_truth_renumbered(devkit, ilsvrc, devkit_tar):
    with tarfile.open(devkit_tar) as archive:
        name = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
        truth = [int(line) for line in archive.extractfile(name)]
    wnid_of = {int(i): w for w, i, _ in map(str.split, (ilsvrc / "map_clsloc.txt").read_text().splitlines())}
    listed = (ilsvrc / "imagenet_synsets.txt").read_text().split()
    assert devkit.validation[0] == 65
    assert [listed[label] for label in devkit.validation] == [wnid_of[identity] for identity in truth]


@pytest.mark.genuine("the devkit's ground truth begins 490 361 171 822 297 482 13 704 599 164")
def test_the_released_ground_truth_begins_as_published(devkit):
    first = [devkit.classes[label].ilsvrc2012_id for label in devkit.validation[:10]]
    assert first == [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]


@pytest.mark.genuine("the devkit has the IDs of the released map_clsloc.txt: 449 is n01440764")
def test_the_released_numbers_of_three_classes(devkit):
    ids = {info.wnid: info.ilsvrc2012_id for info in devkit.classes}
    assert (ids["n01440764"], ids["n02119789"], ids["n15075141"]) == (449, 1, 889)


def test_an_extracted_devkit_is_read_alike(devkit, extracted):
    assert read_devkit(str(extracted)) == devkit
    assert read_devkit(f"{extracted}/") == devkit
    assert read_devkit(str(extracted / "data")) == devkit


def test_an_unzipped_tar_is_read_alike(devkit, extracted, tmp_path):
    with tarfile.open(tmp_path / "devkit.tar.gz", "w") as archive:  # not gzipped, despite its name
        archive.add(extracted, "kit")
    assert read_devkit(str(tmp_path / "devkit.tar.gz")) == devkit


def test_a_devkit_on_another_store_is_read_alike(devkit, devkit_tar):
    import fsspec

    fsspec.filesystem("memory").pipe_file("/kits/kit.tgz", devkit_tar.read_bytes())
    assert read_devkit("memory://kits/kit.tgz") == devkit


def test_a_later_devkit_is_read_by_the_field_whose_name_ends_in_id(devkit, extracted):
    scipy_io = pytest.importorskip("scipy.io")
    numpy = pytest.importorskip("numpy")
    fields = ["ILSVRC2015_CLSLOC_ID", "WNID", "name", "description", "num_train_images"]
    synsets = numpy.zeros((1, 1000), [(field, object) for field in fields])
    for at, info in enumerate(sorted(devkit.classes, key=lambda info: info.ilsvrc2012_id)):
        synsets[0, at] = (float(info.ilsvrc2012_id), info.wnid, info.words, "", float(info.train_images))
    data = extracted / "data"
    (data / "meta.mat").unlink()
    scipy_io.savemat(data / "meta_clsloc.mat", {"synsets": synsets}, do_compression=True)
    truth = data / "ILSVRC2012_validation_ground_truth.txt"
    truth.rename(data / "ILSVRC2015_clsloc_validation_ground_truth.txt")
    assert read_devkit(str(extracted)) == devkit


def test_map_clsloc_stands_in_for_meta_mat(devkit, extracted, ilsvrc):
    data = extracted / "data"
    (data / "meta.mat").unlink()
    (data / "map_clsloc.txt").write_bytes((ilsvrc / "map_clsloc.txt").read_bytes())
    found = read_devkit(str(extracted))
    assert [(i.wnid, i.ilsvrc2012_id) for i in found.classes] == [
        (i.wnid, i.ilsvrc2012_id) for i in devkit.classes
    ]
    assert found.validation == devkit.validation


def later(extracted, ilsvrc, root, year, ids):
    """Lay out a devkit of a later year from the genuine numbers, and return its folder."""
    scipy_io = pytest.importorskip("scipy.io")
    numpy = pytest.importorskip("numpy")
    lines = [line.split() for line in (ilsvrc / "map_clsloc.txt").read_text().splitlines()]
    fields = [ids, "WNID", "name", "description", "num_train_images"]
    synsets = numpy.zeros((1, 1000), [(field, object) for field in fields])
    for at, (wnid, identity, name) in enumerate(lines):
        synsets[0, at] = (numpy.uint16(identity), wnid, name, "a " + name, numpy.uint16(1300))
    data = root / "devkit" / "data"
    data.mkdir(parents=True)
    scipy_io.savemat(data / "meta_clsloc.mat", {"synsets": synsets})
    (data / "map_clsloc.txt").write_bytes((ilsvrc / "map_clsloc.txt").read_bytes())
    truth = (extracted / "data" / "ILSVRC2012_validation_ground_truth.txt").read_bytes()
    (data / f"ILSVRC{year}_clsloc_validation_ground_truth.txt").write_bytes(truth.replace(b"\n", b"\r\n"))
    (data / f"ILSVRC{year}_clsloc_validation_blacklist.txt").write_bytes(b"36\n50\n")
    return data


@pytest.mark.parametrize(
    ("year", "ids"), [(2013, "ILSVRC2013_ID"), (2014, "ILSVRC2014_CLSLOC_ID"), (2017, "ILSVRC2017_CLSLOC_ID")]
)
def test_devkits_of_later_years_have_the_same_labels(devkit, extracted, ilsvrc, year, ids):
    tmp_path = extracted.parent
    later(extracted, ilsvrc, tmp_path / "ILSVRC", year, ids)
    with tarfile.open(tmp_path / "kit.tgz", "w:gz", compresslevel=1) as archive:
        archive.add(tmp_path / "ILSVRC", "ILSVRC")
    for url in (tmp_path / "ILSVRC", tmp_path / "ILSVRC" / "devkit", tmp_path / "kit.tgz"):
        found = read_devkit(str(url))
        assert found.validation == devkit.validation
        assert [(i.wnid, i.ilsvrc2012_id) for i in found.classes] == [
            (i.wnid, i.ilsvrc2012_id) for i in devkit.classes
        ]


def test_files_of_one_devkit_must_agree(extracted, ilsvrc, tmp_path):
    data = later(extracted, ilsvrc, tmp_path / "ILSVRC", 2015, "ILSVRC2015_CLSLOC_ID")
    lines = (data / "map_clsloc.txt").read_text()
    swapped = lines.replace("n02119789 1 ", "n02119789 0 ").replace("n02100735 2 ", "n02100735 1 ")
    (data / "map_clsloc.txt").write_text(swapped.replace("n02119789 0 ", "n02119789 2 "))
    with pytest.raises(
        SourceError, match=r"has n02100735 with the ID 2, but .*map_clsloc\.txt has n02100735"
    ):
        read_devkit(str(tmp_path / "ILSVRC"))
    (data / "map_clsloc.txt").write_text(lines)
    truth = (data / "ILSVRC2015_clsloc_validation_ground_truth.txt").read_text()
    other = data / "ILSVRC2016_clsloc_validation_ground_truth.txt"
    other.write_text(truth.replace("490", "361", 1))
    with pytest.raises(SourceError, match=r"2015_cls.*txt and .*2016_cls.*txt give different labels"):
        read_devkit(str(tmp_path / "ILSVRC"))


def change_truth(folder, change):
    path = folder / "data" / "ILSVRC2012_validation_ground_truth.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [*lines[:6], "1001", *lines[7:]], r"truth\.txt, line 7: b'1001' is not an ID"),
        (lambda lines: ["0", *lines[1:]], "line 1: b'0' is not an ID"),
        (lambda lines: ["n01440764", *lines[1:]], "line 1: b'n01440764' is not an ID"),
        (lambda lines: lines[:-1], "has 49,999 labels, not 50,000"),
    ],
)
def test_a_damaged_ground_truth_names_file_and_line(extracted, change, message):
    change_truth(extracted, change)
    with pytest.raises(SourceError, match=message):
        read_devkit(str(extracted))


def test_classes_that_are_no_bijection_are_refused(extracted, ilsvrc):
    lines = (ilsvrc / "map_clsloc.txt").read_text().replace("n02119789 1 ", "n02119789 2 ")
    (extracted / "data" / "meta.mat").unlink()
    (extracted / "data" / "map_clsloc.txt").write_text(lines)
    with pytest.raises(SourceError, match=r"map_clsloc\.txt has 1,000 classes with 1,000 WNIDs and 999 IDs"):
        read_devkit(str(extracted))


def test_the_error_for_a_folder_without_devkit_names_the_missing_files(tmp_path):
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(SourceError, match=r"is not a devkit of ILSVRC: it has no meta\.mat"):
        read_devkit(str(tmp_path))
    with pytest.raises(UsageError, match="no file, and no folder"):
        read_devkit(str(tmp_path / "nowhere"))


def test_a_meta_mat_of_something_else_is_refused(extracted):
    (extracted / "data" / "meta.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(600, b"\0"))
    with pytest.raises(SourceError, match=r"data/meta\.mat: this is not a MAT-file of level 5"):
        read_devkit(str(extracted))


def test_a_devkit_that_is_cut_off_is_refused(tmp_path, devkit_tar):
    (tmp_path / "cut.tar.gz").write_bytes(devkit_tar.read_bytes()[:-100_000])
    with pytest.raises(SourceError, match="the gzip data is damaged or cut off"):
        read_devkit(str(tmp_path / "cut.tar.gz"))
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("meta.mat"))
    (tmp_path / "cut.tar").write_bytes(plain.getvalue()[:700])
    with pytest.raises(CorruptError) as caught:
        read_devkit(str(tmp_path / "cut.tar"))
    assert "cut.tar" in "".join(caught.value.__notes__)
