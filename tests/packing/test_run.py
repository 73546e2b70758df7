"""The contract of a run, kept by all three kinds of packing: listings, streams and layers."""

import hashlib
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from three_kinds import OPTIONS, SHARDS, OfLayer, OfListing, OfStream, StoreProxy, objects

from wds_imagenet.errors import (
    CorruptError,
    ImageError,
    ManifestError,
    PlanError,
    SourceError,
    UnavailableError,
    WdsImagenetError,
)
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.format.own_hash import own_sha256
from wds_imagenet.packing.build import builders
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.storage import open_store


def failing(store, number, *, after):
    """Return the store, whose n-th change fails: before it is made, or when only the reply is lost."""
    left = number

    def wrap(change):
        def call(*arguments, **options):
            nonlocal left
            left -= 1
            result = change(*arguments, **options) if after or left else None
            if not left:
                raise UnavailableError("a simulated failure")
            return result

        return call

    return StoreProxy(store, **{name: wrap(getattr(store, name)) for name in ("put", "put_file", "sweep")})


class RunContract:
    """Inherit this class, and override `pack`. `url` may hold a data set already."""

    changes = 1 + 3 * 2 + 6 + 1
    """The plan, each shard and its receipt, the last files, and sweeping."""

    @pytest.fixture
    def url(self, tmp_path):
        return str(tmp_path / "out")

    @pytest.fixture
    def expected(self, url, pack):
        """Return every object of an undisturbed run, of which nothing is left."""
        before = Path(f"{url}.before")
        if Path(url).exists():
            shutil.copytree(url, before)
        pack(url)
        found = objects(url)
        shutil.rmtree(url)
        if before.exists():
            before.rename(url)
        return found

    def test_the_plan_is_put_first_each_shard_after_its_receipt_and_the_manifest_last(
        self, url, pack, use_store
    ):
        store, paths = open_store(url), []

        def put(path, *data, **options):
            paths.append(path)
            return store.put(path, *data, **options)

        def put_file(path, file, **options):
            paths.append(path)
            return store.put_file(path, file, **options)

        use_store(StoreProxy(store, put=put, put_file=put_file))
        pack(url)
        published = [[f"{self.metadata}receipts/{name}.json", f"{self.folder}{name}"] for name in SHARDS]
        assert paths[:7] == [f"{self.metadata}plan.json", *(path for pair in published for path in pair)]
        assert paths[-1] == f"{self.metadata}manifest.json"
        assert len(paths) == self.changes - 1

    def test_every_shard_is_in_the_manifest_with_the_bytes_that_it_has(self, url, pack):
        pack(url)
        found = objects(url)
        manifest = Manifest.from_json(found[f"{self.metadata}manifest.json"])
        receipts = [Receipt.from_json(found[f"{self.metadata}receipts/{name}.json"]) for name in SHARDS]
        assert manifest.shards == tuple(receipt.shard for receipt in receipts)
        assert [shard.size for shard in manifest.shards] == [len(found[f"{self.folder}{n}"]) for n in SHARDS]

    def test_the_report_is_counted_from_the_receipts(self, url, pack):
        report = pack(url)
        sizes = [len(data) for path, data in objects(url).items() if path in self.paths()]
        assert (report.shards, report.resumed, report.samples, report.bytes) == (3, 0, 60, sum(sizes))
        again = pack(url)
        assert replace(again, seconds=0, resumed=0) == replace(self.finished(report), seconds=0)
        assert again.resumed == 3

    def paths(self):
        return [f"{self.folder}{name}" for name in SHARDS]

    def finished(self, report):
        """Return the report of a second run."""
        return replace(report, already=True)

    def test_a_run_that_builds_no_shard_leaves_no_file(self, url, pack, monkeypatch):
        before = objects(url)

        def fail(*_, **__):
            raise ImageError("no image can be read")

        monkeypatch.setattr(builders, "build_shard", fail)
        monkeypatch.setattr(builders, "build_layer_shard", fail)
        with pytest.raises(ImageError):
            pack(url)
        assert objects(url) == before

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_a_failure_at_any_change_is_made_good_by_the_next_run(
        self, url, pack, expected, use_store, after
    ):
        manifest = f"{self.metadata}manifest.json"
        for number in range(1, 100):
            at = f"{url}-{number}"
            if Path(url).exists():
                shutil.copytree(url, at)
            use_store(failing(open_store(at), number, after=after))
            try:
                pack(at)
                break
            except UnavailableError:
                left = objects(at)
            assert manifest not in left or left == expected
            use_store(open_store(at))
            done = [path for path in self.paths() if path in left]
            assert pack(at).resumed == len(done)
            assert objects(at) == expected
        assert number == self.changes + 1

    def test_a_shard_that_loses_bytes_on_its_way_is_an_error_and_there_is_no_manifest(
        self, url, pack, use_store
    ):
        store = open_store(url)

        def put_file(path, file, **options):
            file.write_bytes(file.read_bytes()[:-1])
            return store.put_file(path, file, **options)

        use_store(StoreProxy(store, put_file=put_file))
        with pytest.raises(CorruptError, match=r"right after .* is another program writing"):
            pack(url)
        assert f"{self.metadata}manifest.json" not in objects(url)

    def test_another_plan_is_refused_whether_the_work_is_finished_or_not(self, url, pack):
        pack(url)
        before = objects(url)
        with pytest.raises(PlanError, match="holds the finished work of another plan"):
            pack(url, other=True)
        assert objects(url) == before
        open_store(url).delete(f"{self.metadata}manifest.json")
        with pytest.raises(PlanError, match="holds the unfinished work of another plan"):
            pack(url, other=True)

    def test_shards_without_a_plan_are_not_overwritten(self, url, pack):
        path = f"{self.folder}{SHARDS[1]}"
        open_store(url).put(path, b"precious")
        with pytest.raises(PlanError, match=rf"has '{path}', which '[a-z-]+' would overwrite"):
            pack(url)
        assert objects(url)[path] == b"precious"

    def test_two_packers_of_one_plan_both_succeed(self, url, pack, expected):
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(pack, url) for _ in range(2)]
        assert [run.result().samples for run in runs] == [60, 60]
        assert objects(url) == expected

    def test_of_two_packers_with_two_plans_one_is_refused(self, url, pack):
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(pack, url, other=other) for other in (False, True)]
        assert [type(run.exception()) for run in runs if run.exception()] == [PlanError]

    def test_a_destination_that_is_removed_during_the_run_gets_no_manifest(self, url, pack):
        def remove(now):
            if now.shards_done == 2:
                shutil.rmtree(f"{url}/{self.folder or self.metadata}")
                for name in SHARDS:
                    Path(url, self.folder, name).unlink(missing_ok=True)

        with pytest.raises(WdsImagenetError, match=r"during this run|right after|no such file"):
            pack(url, on_progress=remove)
        assert f"{self.metadata}manifest.json" not in objects(url)

    @pytest.mark.parametrize("change", ["removed", "shortened"])
    def test_a_shard_that_is_changed_during_the_run_is_an_error_and_is_built_by_the_next(
        self, url, pack, expected, change
    ):
        def damage(now):
            if now.shards_done == 3:
                path = Path(url, self.folder, SHARDS[0])
                if change == "removed":
                    path.unlink()
                else:
                    os.truncate(path, 512)

        text = "is missing" if change == "removed" else "has 512 bytes instead of"
        with pytest.raises(CorruptError, match=rf"1 of its 3 shards .*{SHARDS[0]} {text}.*no manifest"):
            pack(url, on_progress=damage)
        assert f"{self.metadata}manifest.json" not in objects(url)
        assert pack(url).resumed == 2
        assert objects(url) == expected

    def test_a_plan_that_is_replaced_during_the_run_is_an_error(self, url, pack):
        def replace_plan(now):
            if now.shards_done == 3:
                open_store(url).put(f"{self.metadata}plan.json", b"{}")

        with pytest.raises(PlanError, match=r"replaced .*plan\.json during this run, so no manifest was put"):
            pack(url, on_progress=replace_plan)
        assert f"{self.metadata}manifest.json" not in objects(url)

    def test_a_further_shard_is_an_error(self, url, pack, expected):
        further = f"{self.folder}small-train-000003.tar"

        def put(now):
            if now.shards_done == 3:
                open_store(url).put(further, b"x")

        with pytest.raises(PlanError, match=r"has 'small-train-000003\.tar', which this"):
            pack(url, on_progress=put)
        assert objects(url)[further] == b"x"
        open_store(url).delete(further)
        pack(url)
        assert objects(url) == expected

    def test_a_shard_of_other_bytes_without_a_receipt_is_replaced_only_by_a_check(self, url, pack, expected):
        pack(url)
        store, path = open_store(url), f"{self.folder}{SHARDS[1]}"
        store.delete(f"{self.metadata}manifest.json")
        store.delete(f"{self.metadata}receipts/{SHARDS[1]}.json")
        store.put(path, b"precious")
        with pytest.raises(PlanError, match=rf"{SHARDS[1]} is there with other bytes .* --check"):
            pack(url)
        assert store.read(path).data == b"precious"
        store.delete(f"{self.metadata}receipts/{SHARDS[1]}.json")
        pack(url, check=True)
        assert objects(url) == expected

    def test_a_shard_that_is_shorter_than_its_receipt_states_is_replaced(self, url, pack, expected):
        pack(url)
        store, path = open_store(url), f"{self.folder}{SHARDS[1]}"
        store.delete(f"{self.metadata}manifest.json")
        store.put(path, store.read(path).data[:512])
        assert pack(url).resumed == 2
        assert objects(url) == expected

    @pytest.mark.parametrize("damage", ["missing", "short", "flipped"])
    def test_a_check_rebuilds_a_damaged_shard_byte_for_byte(self, url, pack, damage):
        pack(url)
        before = objects(url)
        store, path = open_store(url), f"{self.folder}{SHARDS[1]}"
        data = bytearray(before[path])
        data[700] ^= damage == "flipped"
        store.put(path, bytes(data[: len(data) - (damage == "short")]))
        if damage == "missing":
            store.delete(path)
        if damage != "flipped":
            with pytest.raises(CorruptError, match=rf"1 of its 3 shards .*{SHARDS[1]}.* --check"):
                pack(url)
        assert pack(url, check=True).resumed == 2
        assert objects(url) == before

    def test_a_check_of_undamaged_shards_changes_nothing(self, url, pack):
        pack(url)
        before = objects(url)
        assert pack(url, check=True).resumed == 3
        assert objects(url) == before

    def test_a_shard_that_comes_out_other_than_the_manifest_states_is_not_put(self, url, pack):
        pack(url)
        store, path = open_store(url), f"{self.metadata}manifest.json"
        manifest = json.loads(store.read(path).data)
        manifest["shards"][1]["sha256"] = "0" * 64
        store.put(path, json.dumps(manifest | {"sha256": own_sha256(manifest)}).encode())
        before = objects(url)
        with pytest.raises(SourceError, match=rf"{SHARDS[1]} comes out other than .*{path} states"):
            pack(url, check=True)
        assert objects(url) == before

    def test_a_dry_run_writes_nothing(self, url, pack):
        before = objects(url)
        report = pack(url, dry_run=True)
        assert (report.shards, report.samples, report.manifest) == (3, 60, None)
        assert objects(url) == before

    def test_progress_counts_shards_and_samples(self, url, pack):
        seen = []
        pack(url, on_progress=seen.append)
        assert [(now.shards_done, now.samples_done) for now in seen] == [(1, 20), (2, 40), (3, 60)]

    def test_a_removed_plan_is_put_again(self, url, pack, expected):
        pack(url)
        open_store(url).delete(f"{self.metadata}plan.json")
        assert pack(url).resumed == 3
        assert objects(url) == expected

    def test_a_receipt_that_another_program_changes_during_the_run_is_an_error(self, url, pack, expected):
        def tamper(now):
            if now.shards_done == 3:
                store, first = open_store(url), f"{self.metadata}receipts/{SHARDS[0]}.json"
                store.put(first, store.read(f"{self.metadata}receipts/{SHARDS[1]}.json").data)

        with pytest.raises(ManifestError, match=rf"is not the receipt of {SHARDS[0]}"):
            pack(url, on_progress=tamper)
        assert f"{self.metadata}manifest.json" not in objects(url)
        pack(url)
        assert objects(url) == expected


class OtherBytesContract:
    """For jobs whose plan allows other bytes of the same images. A layer of other bytes has another plan."""

    def test_of_two_packers_that_get_other_bytes_one_is_refused_and_one_set_is_whole(self, url, pack):
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(pack, url, changed=changed) for changed in (False, True)]
        errors = [run.exception() for run in runs if run.exception()]
        assert len(errors) == 1
        assert isinstance(errors[0], WdsImagenetError)
        found = objects(url)
        for shard in Manifest.from_json(found[f"{self.metadata}manifest.json"]).shards:
            assert hashlib.sha256(found[f"{self.folder}{shard.name}"]).hexdigest() == shard.sha256


class TestListing(OfListing, OtherBytesContract, RunContract):
    def test_a_check_replaces_no_shard_of_a_set_that_another_packer_finishes(self, url, pack):
        finished = {}

        def intrude(now):
            if now.shards_done == 1:
                pack(url, changed=True)
                finished.update(objects(url))

        with pytest.raises(PlanError, match=rf"another packer has finished .* other bytes of {SHARDS[2]}"):
            pack(url, check=True, on_progress=intrude)
        assert objects(url) == finished

    def test_a_readme_that_appears_during_the_run_is_kept_also_by_a_check(self, url, pack, expected):
        def appear(now):
            if now.shards_done == 3:
                open_store(url).put("README.md", b"precious")

        with pytest.raises(PlanError, match=r"README\.md is there with other bytes .* --check"):
            pack(url, on_progress=appear)
        assert objects(url)["README.md"] == b"precious"
        pack(url, check=True)
        assert objects(url) == {**expected, "README.md": b"precious"}

    def test_a_report_that_is_damaged_later_is_an_error(self, url, pack):
        pack(url)
        open_store(url).put(".wds-imagenet/report.jsonl", b'{"action":"other"}\n')
        with pytest.raises(CorruptError, match=r"report\.jsonl cannot be read"):
            pack(url)


class TestStream(OfStream, OtherBytesContract, RunContract):
    pass


class TestLayer(OfLayer, RunContract):
    changes = 1 + 3 * 2 + 1 + 1

    @pytest.fixture
    def url(self, tmp_path, small):
        pack_listing(small, str(tmp_path / "out"), OPTIONS, workers=1)
        return str(tmp_path / "out")
