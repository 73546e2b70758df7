"""Errors that are raised before the input is listed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from three_kinds import StoreProxy

from wds_imagenet.errors import NotFoundError, PlanError, StoreError, UsageError
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.images import optimize
from wds_imagenet.packing import api as module
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.packing.publish.preflight import check_destination
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.sources import SOURCES, Listing, imagefolder
from wds_imagenet.storage import ObjectInfo, open_store


@pytest.fixture(autouse=True)
def _no_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a source that is asked for a listing fail the test."""

    def listed(*_: object, **__: object) -> Listing:
        raise AssertionError("the input was listed")

    sources = {"imagefolder": listed, "imagenet": listed}
    monkeypatch.setattr(module, "SOURCES", sources)
    monkeypatch.setattr(module, "options_of", lambda _: ())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jpeg": "smaller"}, "option jpeg='smaller' is not a policy: write keep, optimize, resize=256"),
        ({"split": "tr ain"}, "'tr ain' cannot name a split"),
        ({"name": "a b"}, "'a b' cannot name a data set"),
        ({"block_bytes": 0}, "option 'block_bytes' must be at least 1"),
        ({"on_bad": "ignore"}, "option 'on_bad' is one of fail, skip, repair, repair-else-skip, not"),
        ({"samples_per_shard": 9, "shard_bytes": 9}, "option 'samples_per_shard' or option 'shard_bytes'"),
        ({"splitt": "val"}, r"no option of imagefolder or of packing 'splitt' \(did you mean 'split'\?\)"),
    ],
)
def test_contradictory_options(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pack("imagefolder", "/nowhere", dest=f"memory://{uuid4().hex}", **options)


def test_optimizing_without_the_native_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimize, "native_module", lambda: None)
    with pytest.raises(UsageError, match="libjpeg-dev"):
        pack("imagefolder", "/nowhere", dest=f"memory://{uuid4().hex}", jpeg="optimize")


@pytest.mark.parametrize("dest", ["", "/out", "/a/../out", "/link"])
def test_a_destination_in_the_input(tmp_path: Path, dest: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path / "in")
    with pytest.raises(UsageError, match=r"lies in the input .*/in: choose one outside of it"):
        pack("imagefolder", f"{tmp_path}/in", dest=f"{tmp_path}/in{dest}")
    with pytest.raises(UsageError, match="lies in the input"):
        pack("imagefolder", "s3://bucket/in/", dest=f"s3://bucket/in{dest.replace('..', '.')}")


def test_a_destination_beside_the_input_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for dest in (f"{tmp_path}/in2", f"{tmp_path}/out", f"memory://{uuid4().hex}"):
        with pytest.raises(AssertionError, match="was listed"):
            pack("imagefolder", f"{tmp_path}/in", dest=dest)


def test_a_destination_that_is_or_lies_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for dest in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StoreError, match="file"):
            pack("imagefolder", "/nowhere", dest=str(dest))


def test_a_destination_that_can_only_be_read() -> None:
    with pytest.raises(UsageError, match="can only be read"):
        pack("imagefolder", "/nowhere", dest="https://example.org/out")


def test_a_bucket_that_is_not_there(s3_url: str) -> None:
    with pytest.raises(NotFoundError, match="bucket"):
        pack("imagefolder", "/nowhere", dest=s3_url.replace("s3://tests", "s3://no-such-bucket"))


def test_a_destination_packed_with_other_options(small: Listing, tmp_path: Path) -> None:
    dest = f"{tmp_path}/x/train"
    module.pack_listing(small, dest, PackOptions("x", seed=3))
    with pytest.raises(PlanError, match=r"the finished work of another plan: seed was 3 there, is 0 now\."):
        pack("imagefolder", "/nowhere", dest=dest)
    with pytest.raises(AssertionError, match="was listed"):
        pack("imagefolder", "/nowhere", dest=dest, seed=3)


def test_a_destination_with_foreign_shards(small: Listing, tmp_path: Path) -> None:
    dest = f"{tmp_path}/x"
    module.pack_listing(small, dest, PackOptions("x"))
    (tmp_path / "x" / ".wds-imagenet" / "plan.json").unlink()
    path = tmp_path / "x" / MANIFEST_PATH
    path.write_bytes(replace(Manifest.from_json(path.read_bytes()), plan=None).to_json())
    with pytest.raises(PlanError, match="manifest of a data set of another origin"):
        pack("imagefolder", "/nowhere", dest=dest)
    (tmp_path / "x" / ".wds-imagenet" / "manifest.json").unlink()
    with pytest.raises(PlanError, match="which 'pack' would overwrite"):
        pack("imagefolder", "/nowhere", dest=dest)


OWN = (
    ".wds-imagenet/keys.txt",
    ".wds-imagenet/report.jsonl",
    ".wds-imagenet/receipts/x-train-000000.tar.json",
)


@pytest.mark.parametrize("path", OWN)
@pytest.mark.parametrize("check", [False, True])
def test_a_file_in_the_metadata_folder_without_a_plan_is_kept(
    small: Listing, tmp_path: Path, path: str, *, check: bool
) -> None:
    file = tmp_path / "x" / path
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(PlanError, match=f"has '{path}', which 'pack' would overwrite"):
        pack("imagefolder", "/nowhere", dest=f"{tmp_path}/x")
    with pytest.raises(PlanError, match=f"has '{path}', which 'pack' would overwrite"):
        pack_listing(small, f"{tmp_path}/x", PackOptions("x"), check=check)
    assert [item for item in (tmp_path / "x").rglob("*") if item.is_file()] == [file]
    assert file.read_text() == "mine"


@pytest.mark.parametrize("seed", [0, 3])
def test_a_packer_that_comes_between_two_looks_is_not_taken_for_foreign_files(
    small: Listing, seed: int
) -> None:
    url, looks = f"memory://{uuid4().hex}/x", []
    store = open_store(url)

    def list_objects(prefix: str = "") -> Iterator[ObjectInfo]:
        looks.append(prefix)
        if len(looks) == 2:
            pack_listing(small, url, PackOptions("x", seed=seed))
        return store.list_objects(prefix)

    if seed:
        with pytest.raises(PlanError, match="seed was 3 there, is 0 now"):
            check_destination(StoreProxy(store, list_objects=list_objects), PackOptions("x"), {"block_bytes"})
    else:
        check_destination(StoreProxy(store, list_objects=list_objects), PackOptions("x"), {"block_bytes"})
    assert len(looks) > 2


def test_a_metadata_folder_that_is_a_link_is_refused(small: Listing, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "x" / ".wds-imagenet").symlink_to(tmp_path / "other")
    with pytest.raises(PlanError, match=r"\.wds-imagenet is a symbolic link"):
        pack("imagefolder", "/nowhere", dest=f"{tmp_path}/x")
    with pytest.raises(PlanError, match=r"\.wds-imagenet is a symbolic link"):
        pack_listing(small, f"{tmp_path}/x", PackOptions("x"))
    assert list((tmp_path / "other").iterdir()) == []


def test_the_destination_is_looked_at_again_after_the_listing(
    small_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    dest, readme = str(tmp_path / "x"), tmp_path / "x" / "README.md"

    def listed_while(event: Callable[[], object]) -> None:
        def lister(url: str, **options: Any) -> Listing:
            event()
            return imagefolder(url, **options)

        monkeypatch.setitem(sources, "imagefolder", lister)
        pack("imagefolder", str(small_folder), dest=dest, workers=1)

    sources = dict(SOURCES)
    monkeypatch.setattr(module, "SOURCES", sources)

    def write_readme() -> None:
        readme.parent.mkdir()
        readme.write_text("a colleague's")

    with pytest.raises(PlanError, match=r"has 'README.md', which 'pack' would overwrite"):
        listed_while(write_readme)
    assert readme.read_text() == "a colleague's"
    readme.unlink()
    with pytest.raises(PlanError, match="another plan: seed was 1 there"):
        listed_while(lambda: pack_listing(imagefolder(str(small_folder)), dest, PackOptions("x", seed=1)))
    assert Dataset.open(dest).manifest.samples == len(imagefolder(str(small_folder)).references)
