"""The files that a data set is split into."""

import pytest

from wds_imagenet.errors import SourceError, UsageError
from wds_imagenet.inputs.split_files import check_numbering, choose_split, find_split_files

NAMES = ["a/in-train-000.tar", "a/in-train-001.tar", "a/in-val-000.tar", "a/.hidden/x.tar", "a/note.txt"]


@pytest.fixture
def folder(make_tree):
    return make_tree(dict.fromkeys(NAMES, b"x"))


def found(url, split=None):
    files, chosen = choose_split(find_split_files(url, {}, (".tar",)), split, url)
    return [file.info.path for file in files], chosen


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("/a/in-train-000.tar", ["in-train-000.tar"]),
        ("/a/in-train-{000..001}.tar", ["in-train-000.tar", "in-train-001.tar"]),
        ("/a/in-train-{001,000}.tar", ["in-train-001.tar", "in-train-000.tar"]),
        ("/a/in-train-*.tar", ["in-train-000.tar", "in-train-001.tar"]),
        ("/{a}/in-{train,val}-{000..000}.tar", ["a/in-train-000.tar", "a/in-val-000.tar"]),
        ("", ["a/in-train-000.tar", "a/in-train-001.tar", "a/in-val-000.tar"]),
    ],
)
def test_a_file_a_pattern_and_a_folder(folder, pattern, expected):
    assert [file.info.path for file in find_split_files(folder + pattern, {}, (".tar",))] == expected


def test_a_star_does_not_reach_into_folders(folder):
    with pytest.raises(UsageError, match=r"there is no file .*/\*\.tar"):
        find_split_files(f"{folder}/*.tar", {}, (".tar",))


def test_a_missing_file_of_a_range_is_an_error(folder):
    with pytest.raises(SourceError, match=r"2 of 4 are missing, the first is in-train-002\.tar"):
        find_split_files(f"{folder}/a/in-train-{{000..003}}.tar", {}, (".tar",))


@pytest.mark.parametrize("braces", ["{9..0}", "{0..999999999}", "{0..999}{0..999}"])
def test_an_absurd_range_is_refused(folder, braces):
    with pytest.raises(UsageError, match=r"range|more than"):
        find_split_files(f"{folder}/{braces}.tar", {}, (".tar",))


def test_a_folder_without_wanted_files_is_described(folder):
    with pytest.raises(SourceError, match=r"no \.parquet file .*3 \.tar"):
        find_split_files(folder, {}, (".parquet",))


def test_splits_are_not_mixed(folder):
    with pytest.raises(SourceError, match=r"several splits \(train, validation\)"):
        found(folder)
    assert found(folder, "val") == (["a/in-val-000.tar"], "validation")
    assert found(folder + "/a/in-train-*.tar")[1] == "train"
    with pytest.raises(SourceError, match=r"no files of the split 'test', only of train, validation"):
        found(folder, "test")


def test_a_file_of_no_split_is_not_left_out_silently(make_tree):
    url = make_tree(dict.fromkeys(["x-train-000.tar", "x-val-000.tar", "y-000.tar"], b"x"))
    with pytest.raises(SourceError, match=r"1 file of no split beside those of 'train', such as y-000"):
        found(url, "train")
    assert found(f"{url}/{{x-train}}*", "train") == (["x-train-000.tar"], "train")


def test_a_split_without_such_names_is_all_files(make_tree):
    assert found(make_tree({"0.tar": b"x"}), "mine") == (["0.tar"], "mine")


def test_a_gap_in_numbered_files_is_an_error(make_tree):
    url = make_tree({f"d/train-{i:05d}-of-00003-abc{i}.parquet": b"x" for i in (0, 2)})
    with pytest.raises(SourceError, match=r"lacks 1 of the 3 files d/train-…, the first is number 00001"):
        check_numbering(find_split_files(url, {}, (".parquet",)), url)
    pattern = f"{url}/d/train-*"
    check_numbering(find_split_files(pattern, {}, (".parquet",)), pattern)


def test_on_s3(s3_url):
    from wds_imagenet.storage import open_store

    for name in NAMES:
        open_store(s3_url).put(name, b"x")
    assert found(f"{s3_url}/a/in-train-{{000..001}}.tar")[0] == ["in-train-000.tar", "in-train-001.tar"]
    assert found(s3_url, "val")[0] == ["a/in-val-000.tar"]


def test_a_part_of_a_split_shard_is_called_one(tmp_path):
    (tmp_path / "x.tar.aa").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"x\.tar\.aa is one part of a split archive"):
        find_split_files(f"{tmp_path}/x.tar.aa", {}, (".tar",))
