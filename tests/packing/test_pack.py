"""Packing on every kind of store: complete, repeatable and resumable. Foreign files are not overwritten."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from wds_imagenet.errors import PlanError, UnavailableError, UsageError
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.format.samples import ArchiveSamples
from wds_imagenet.packing import pack_dataset as module
from wds_imagenet.packing.api import pack
from wds_imagenet.packing.options import PackOptions
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.packing.report import PackProgress, PackReport
from wds_imagenet.sources import Listing
from wds_imagenet.storage import Store, open_store

OPTIONS = PackOptions("small", samples_per_shard=20, block_bytes=4000)
OTHER = replace(OPTIONS, seed=1)


def objects(url: str) -> dict[str, str]:
    store = open_store(url)
    return {o.path: hashlib.sha256(store.read(o.path).data).hexdigest() for o in store.list_objects()}


def shards(url: str) -> dict[str, str]:
    return {path: digest for path, digest in objects(url).items() if path.endswith(".tar")}


def finished(url: str) -> bool:
    return MANIFEST_PATH in objects(url)


class Failing:
    """A store whose n-th change fails: before it is made, or after, when only the reply is lost."""

    def __init__(self, store: Store, number: int, *, after: bool) -> None:
        self._store, self._left, self._after = store, number, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._failing(found) if name in {"put", "put_file", "sweep"} else found

    def _failing(self, change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            result = change(*arguments, **options) if self._after or self._left else None
            if not self._left:
                raise UnavailableError("a simulated failure")
            return result

        return call


@pytest.fixture(scope="module")
def expected(small: Listing) -> dict[str, str]:
    """Every object of an undisturbed run."""
    url = f"memory://{uuid4().hex}"
    pack_listing(small, url, OPTIONS)
    return objects(url)


class PackContract:
    """Inherit this class, and override `url` with an empty destination."""

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def packed(self, url: str, small: Listing) -> PackReport:
        return pack_listing(small, url, OPTIONS, workers=1)

    def test_every_image_is_there_byte_for_byte(self, url: str, packed: PackReport, small: Listing) -> None:
        store = open_store(url)
        manifest = Manifest.from_json(store.read(MANIFEST_PATH).data)
        found = {s.key: s for shard in manifest.shards for s in ArchiveSamples(store.read(shard.name).data)}
        assert {key: bytes(s.image) for key, s in found.items()} == {
            r.key: Path(r.url).read_bytes() for r in small.references
        }
        assert {r.key: found[r.key].json["label"] for r in small.references} == {
            r.key: r.label for r in small.references
        }
        assert packed.samples == manifest.samples == len(small.references) == len(found)

    def test_every_object_is_the_same_on_every_store(
        self, url: str, packed: PackReport, expected: dict[str, str]
    ) -> None:
        assert objects(url) == expected
        assert packed.manifest == f"{url}/{MANIFEST_PATH}"

    def test_workers_give_the_same_bytes(self, url: str, small: Listing, expected: dict[str, str]) -> None:
        pack_listing(small, url, OPTIONS, workers=2)
        assert objects(url) == expected

    def test_a_data_set_on_the_same_store_is_packed(
        self, url: str, small: Listing, expected: dict[str, str]
    ) -> None:
        store = open_store(f"{url}/in")
        for reference in small.references:
            store.put(reference.name, Path(reference.url).read_bytes())
        references = [replace(r, url=f"{url}/in/{r.name}") for r in small.references]
        pack_listing(replace(small, references=references), f"{url}/out", OPTIONS, workers=2)
        tars = {name: digest for name, digest in expected.items() if name.endswith(".tar")}
        assert shards(f"{url}/out") == tars

    def test_the_manifest_lists_the_shards(self, url: str, packed: PackReport) -> None:
        store = open_store(url)
        manifest = Manifest.from_json(store.read(MANIFEST_PATH).data)
        assert shards(url) == {shard.name: shard.sha256 for shard in manifest.shards}
        keys = store.read(".wds-imagenet/keys.txt").data
        assert manifest.keys_sha256 == hashlib.sha256(keys).hexdigest()
        assert len(keys.splitlines()) == 60
        assert manifest.classes[3] == {"name": "class 3", "samples": 9, "wnid": "n00000003"}
        assert manifest.plan == packed.plan

    def test_a_second_run_changes_nothing(self, url: str, packed: PackReport, small: Listing) -> None:
        before = {o.path: o for o in open_store(url).list_objects()}
        again = pack_listing(small, url, OPTIONS, workers=1)
        assert {o.path: o for o in open_store(url).list_objects()} == before
        assert again.resumed == again.shards == 3
        assert replace(again, seconds=0, resumed=0) == replace(packed, seconds=0, already=True)

    def test_another_plan_is_refused_with_the_difference(self, url: str, small: Listing) -> None:
        pack_listing(small, url, OPTIONS, workers=1)
        before = objects(url)
        with pytest.raises(PlanError, match=r"finished work of another plan: seed was 0 there, is 1 now"):
            pack_listing(small, url, OTHER)
        assert objects(url) == before

    def test_a_foreign_readme_is_not_overwritten(self, url: str, small: Listing) -> None:
        open_store(url).put("README.md", b"precious")
        with pytest.raises(PlanError, match=r"'README\.md', which 'pack' would overwrite"):
            pack_listing(small, url, OPTIONS)

    def test_a_failure_leaves_no_manifest_and_keeps_finished_shards(
        self, url: str, small: Listing, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store = Failing(open_store(url), 6, after=True)
        with monkeypatch.context() as patch:
            patch.setattr(module, "open_store", lambda *_: store)
            with pytest.raises(UnavailableError):
                pack_listing(small, url, OPTIONS, workers=1)
        assert not finished(url)
        with pytest.raises(PlanError, match="unfinished work of another plan: seed was 0"):
            pack_listing(small, url, OTHER)
        assert pack_listing(small, url, OPTIONS, workers=1).resumed == 2
        assert objects(url) == expected

    def test_a_shard_that_was_damaged_meanwhile_is_built_again(
        self, url: str, small: Listing, expected: dict[str, str]
    ) -> None:
        pack_listing(small, url, OPTIONS, workers=1)
        store = open_store(url)
        store.delete(MANIFEST_PATH)
        store.put("small-train-000001.tar", b"short")
        store.put(".wds-imagenet/receipts/small-train-000002.tar.json", b"{}")
        assert pack_listing(small, url, OPTIONS, workers=1).resumed == 1
        assert objects(url) == expected

    def test_two_packers_of_one_plan_both_succeed(
        self, url: str, small: Listing, expected: dict[str, str]
    ) -> None:
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(pack_listing, small, url, OPTIONS, workers=1) for _ in range(2)]
        assert {run.result().plan for run in runs} == {runs[0].result().plan}
        assert objects(url) == expected

    def test_of_two_packers_with_two_plans_one_is_refused(self, url: str, small: Listing) -> None:
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(pack_listing, small, url, options, workers=1) for options in (OPTIONS, OTHER)]
        refused = [run.exception() for run in runs if run.exception()]
        assert [type(error) for error in refused] == [PlanError]
        (winner,) = [run.result().plan for run in runs if not run.exception()]
        manifest = Manifest.from_json(open_store(url).read(MANIFEST_PATH).data)
        assert manifest.plan == winner
        assert shards(url) == {shard.name: shard.sha256 for shard in manifest.shards}


class TestLocal(PackContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "made" / "on the way")

    def test_no_temporary_file_is_left(self, url: str, packed: PackReport) -> None:
        assert packed.shards == 3
        assert not (Path(url) / ".wds-imagenet" / "staging").exists()
        assert not [path for path in Path(url).rglob("*") if "tmp" in path.name]

    def test_a_dead_packers_temporary_file_is_swept(self, url: str, small: Listing) -> None:
        left = Path(url) / ".wds-imagenet" / "staging" / "small-train-000000.tar.0123"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half")
        pack_listing(small, url, OPTIONS, workers=1)
        assert not left.exists()


class TestMemory(PackContract):
    @pytest.fixture
    def url(self) -> str:
        return f"memory://{uuid4().hex}"


class TestS3(PackContract):
    @pytest.fixture
    def url(self, s3_url: str) -> str:
        return s3_url


@pytest.fixture
def url() -> Iterator[str]:
    yield f"memory://{uuid4().hex}"


def test_progress_ends_with_the_totals_of_the_report(url: str, small: Listing) -> None:
    seen: list[PackProgress] = []
    report = pack_listing(small, url, OPTIONS, on_progress=seen.append)
    last = seen[-1]
    assert (last.shards, last.samples, last.bytes_done) == (report.shards, report.samples, report.bytes)
    assert abs(last.bytes_expected - report.bytes) < 0.3 * report.bytes


def test_the_report_is_json(url: str, small: Listing) -> None:
    value = json.loads(json.dumps(pack_listing(small, url, OPTIONS).to_json()))
    assert value["samples"] == 60
    assert value["url"] == url


def test_no_worker_is_a_mistake(url: str, small: Listing) -> None:
    with pytest.raises(UsageError, match="at least one worker, not 0"):
        pack_listing(small, url, OPTIONS, workers=0)


def test_a_source_is_found_by_its_name(url: str, small_folder: Path) -> None:
    report = pack("imagefolder", str(small_folder), dest=f"{url}/in1k/train", jpeg="resize=8:q80")
    assert report.samples == 60
    assert "in1k-train-000000.tar" in objects(report.url)


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("imagefolders", {}, "no source 'imagefolders', only imagenet, "),
        ("imagefolder", {"speed": 1}, "no option of imagefolder or of packing 'speed'"),
        ("imagefolder", {"jpeg": "better"}, "option jpeg='better' is not a policy"),
    ],
)
def test_a_misspelt_source_or_option_is_a_mistake(
    url: str, small_folder: Path, source: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        pack(source, str(small_folder), dest=url, **options)
