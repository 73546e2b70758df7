"""The state of a destination decides each run, for all three kinds of packing."""

import itertools
import json
from pathlib import Path

import pytest
from three_kinds import OPTIONS, SHARDS, OfLayer, OfListing, OfStream, objects

from wds_imagenet.errors import ManifestError, PlanError, UsageError
from wds_imagenet.format.own_hash import own_sha256
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.packing.publish.preflight import check_apart
from wds_imagenet.storage import open_store


class StateContract:
    @pytest.fixture
    def url(self, tmp_path):
        return str(tmp_path / "out")

    def test_a_manifest_that_cannot_be_read_is_named(self, url, pack):
        pack(url)
        path = f"{self.metadata}manifest.json"
        open_store(url).put(path, b"{")
        with pytest.raises(ManifestError) as caught:
            pack(url)
        assert f"in {open_store(url).url}/{path}" in caught.value.__notes__

    def test_an_unfinished_plan_that_cannot_be_read_is_named(self, url, pack):
        pack(url)
        store, path = open_store(url), f"{self.metadata}plan.json"
        store.delete(f"{self.metadata}manifest.json")
        store.put(path, b"{")
        with pytest.raises((ManifestError, PlanError)) as caught:
            pack(url)
        assert f"in {store.url}/{path}" in caught.value.__notes__

    @pytest.mark.parametrize("check", [False, True])
    def test_a_manifest_of_another_origin_beside_our_plan_is_kept(self, url, pack, check):
        pack(url)
        store, path = open_store(url), f"{self.metadata}manifest.json"
        manifest = json.loads(store.read(path).data) | {"plan": None}
        store.put(path, json.dumps(manifest | {"sha256": own_sha256(manifest)}).encode())
        before = objects(url)
        with pytest.raises(PlanError, match=rf"{path} is the manifest of a data set of another origin"):
            pack(url, check=check)
        assert objects(url) == before

    def test_a_dry_run_of_a_finished_set_puts_no_plan(self, url, pack):
        pack(url)
        open_store(url).delete(f"{self.metadata}plan.json")
        before = objects(url)
        assert pack(url, dry_run=True).resumed == 3
        assert objects(url) == before

    def test_only_a_check_reads_the_bytes_of_finished_shards(self, url, pack):
        pack(url)
        store, path = open_store(url), f"{self.folder}{SHARDS[1]}"
        store.delete(f"{self.metadata}manifest.json")
        whole = store.read(path).data
        store.put(path, whole[:-1] + b"x")
        assert pack(url).resumed == 3
        assert store.read(path).data == whole[:-1] + b"x"
        assert pack(url, check=True).resumed == 2
        assert store.read(path).data == whole

    def test_progress_counts_the_shards_of_an_earlier_run_first(self, url, pack):
        pack(url)
        store = open_store(url)
        store.delete(f"{self.metadata}manifest.json")
        store.delete(f"{self.folder}{SHARDS[1]}")
        seen = []
        assert pack(url, on_progress=seen.append).resumed == 2
        assert [(now.shards_done, now.samples_done) for now in seen] == [(1, 20), (2, 40), (3, 60)]
        assert all(first.bytes_done < then.bytes_done for first, then in itertools.pairwise(seen))
        assert all(now.seconds >= 0 for now in seen)

    def test_a_plan_and_a_shard_that_are_removed_during_the_run_are_both_named(self, url, pack):
        def remove(now):
            if now.shards_done == 3:
                open_store(url).delete(f"{self.metadata}plan.json")
                Path(url, self.folder, SHARDS[2]).unlink()

        text = rf"removed .*plan\.json during this run, and 1 of the 3 shards \({SHARDS[2]} is missing\)"
        with pytest.raises(PlanError, match=text):
            pack(url, on_progress=remove)


class TestListing(OfListing, StateContract):
    pass


class TestStream(OfStream, StateContract):
    pass


class TestLayer(OfLayer, StateContract):
    @pytest.fixture
    def url(self, tmp_path, small):
        pack_listing(small, str(tmp_path / "out"), OPTIONS, workers=1)
        return str(tmp_path / "out")


@pytest.mark.parametrize(
    ("inputs", "dest", "named"),
    [
        (["/a", "/in", "/b"], "/in/out", "/in"),
        (["s3://x/in", "s3://y/in"], "s3://y/in", "s3://y/in"),
        (["", "x::y", "/in"], "/in/out", "/in"),
        (["/"], "/out", "/"),
        (["file:///in/"], "/in/out", "file:///in/"),
    ],
)
def test_the_input_that_holds_the_destination_is_named(inputs, dest, named):
    with pytest.raises(
        UsageError, match=f"the destination {dest} lies in the input {named}: choose one outside"
    ):
        check_apart(inputs, dest)


@pytest.mark.parametrize(
    ("item", "dest"),
    [
        ("/in", "/in2"),
        ("/in/out", "/in"),
        ("s3://x/in", "s3://y/in"),
        ("s3://x/in", "gs://x/in"),
        ("x::y", "/in"),
    ],
)
def test_a_destination_apart_from_the_inputs_is_allowed(item, dest):
    check_apart([item], dest)
