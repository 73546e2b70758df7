"""Whatever happens between two calls of a run on its store, no wrong data set is the result.

At each call, one thing happens: a crash, Ctrl-C, another packer that does its work from beginning to end, or
another program that removes or puts files. The run then ends with one whole data set, or with one of the
package's errors. CI takes some of the calls; WDS_IMAGENET_EVERY_CALL=1 takes all.
"""

import hashlib
import os
import signal
import threading
import time
from contextlib import suppress
from uuid import uuid4

import pytest
from three_kinds import OfLayer, OfListing, OfStream, StoreProxy, objects, options_for

from wds_imagenet.errors import UnavailableError, WdsImagenetError
from wds_imagenet.format.manifest import Manifest
from wds_imagenet.inputs.listing import Listing
from wds_imagenet.packing.pack_dataset import pack_listing
from wds_imagenet.storage import open_store

CALLS = ("info", "read", "put", "put_file", "list_objects", "sweep")
STEP = 1 if os.environ.get("WDS_IMAGENET_EVERY_CALL") else 5


def at_call(store, number, action, *, after=False):
    """Return the store, which calls `action` before or after its n-th call, and the list of its calls."""
    calls, lock = [], threading.Lock()

    def wrap(name):
        def call(*arguments, **options):
            with lock:
                calls.append(f"{name} {arguments[:1]}")
                now = len(calls) == number
            if now and not after:
                action()
            try:
                result = getattr(store, name)(*arguments, **options)
                return iter(list(result)) if name == "list_objects" else result
            finally:
                if now and after:
                    action()

        return call

    return StoreProxy(store, **{name: wrap(name) for name in CALLS}), calls


class RaceContract:
    """Inherit this class with a kind of packing."""

    @pytest.fixture
    def listing(self, small):
        return Listing(small.references[:6], small.classes)

    @pytest.fixture
    def make(self):
        """Return a function that makes a URL to pack to."""
        return lambda: f"memory://races-{uuid4()}"

    @pytest.fixture
    def expected(self, make, pack):
        """Return the objects of undisturbed runs: of this plan, of another, and of changed images."""
        found = {}
        for name, options in (("this", {}), ("other", {"other": True}), ("changed", self.changes)):
            url = make()
            pack(url, **options)
            found[name] = objects(url)
        return found

    changes = {"changed": True}

    @pytest.fixture
    def each_call(self, make, pack, use_store):
        """Return a generator of URL and outcome of one run for each call at which the action happens."""

        def runs(action, offset=0, *, after=False):
            number = 1 + offset % STEP
            while True:
                url = make()
                plain = open_store(url)

                def act(url=url, plain=plain):
                    use_store(plain)
                    action(url)

                store, calls = at_call(plain, number, act, after=after)
                use_store(store)
                try:
                    outcome = pack(url)
                except (WdsImagenetError, KeyboardInterrupt) as error:
                    outcome = error
                use_store(plain)
                if len(calls) < number:
                    return
                yield url, outcome, calls[number - 1]
                number += STEP

        return runs

    def check(self, found, expected):
        """Check that the objects are no data set, or a whole one of some plan."""
        manifest = found.get(f"{self.metadata}manifest.json")
        if manifest is None:
            return
        for shard in Manifest.from_json(manifest).shards:
            assert hashlib.sha256(found[f"{self.folder}{shard.name}"]).hexdigest() == shard.sha256
        assert found in expected.values()

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_a_run_that_is_killed_at_any_call_is_continued_to_the_same_bytes(
        self, pack, expected, each_call, after
    ):
        def crash(_):
            raise UnavailableError("a simulated crash")

        for url, outcome, _ in each_call(crash, offset=int(after), after=after):
            assert isinstance(outcome, UnavailableError)
            self.check(objects(url), expected)
            pack(url)
            assert objects(url) == expected["this"]

    def test_ctrl_c_at_any_call_ends_every_thread_and_the_run_is_continued(self, pack, expected, each_call):
        def interrupt(_):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.05)  # so that the main thread is not done before it gets the signal

        before = set(threading.enumerate())
        for url, outcome, _ in each_call(interrupt, offset=2):
            assert isinstance(outcome, KeyboardInterrupt)
            for thread in set(threading.enumerate()) - before:
                thread.join(1)  # one that was being started when Ctrl-C came ends a moment later
                assert not thread.is_alive()
            self.check(objects(url), expected)
            pack(url)
            assert objects(url) == expected["this"]

    def test_another_packer_of_the_same_plan_does_all_the_work_at_any_call(self, pack, expected, each_call):
        for url, outcome, _ in each_call(pack, offset=3):
            assert outcome.shards == 3
            assert objects(url) == expected["this"]

    @pytest.mark.parametrize("name", ["other", "changed"])
    def test_another_packer_of_other_bytes_or_another_plan_finishes_at_any_call(
        self, pack, expected, each_call, name
    ):
        finished = {}

        def intrude(url):
            try:
                pack(url, **({"other": True} if name == "other" else self.changes))
            finally:
                finished[url] = objects(url)

        for url, outcome, _ in each_call(intrude, offset=len(name)):
            self.check(objects(url), expected)
            if f"{self.metadata}manifest.json" in finished[url]:
                assert objects(url) == finished[url]
                # A run that finds its own plan finished, or all its shards used, has done its work.
                if not isinstance(outcome, WdsImagenetError):
                    assert name == "changed"
                    assert finished[url] == expected["this"] or outcome.resumed

    def test_another_packer_of_another_plan_crashes_at_any_call(self, pack, expected, each_call, use_store):
        def crash():
            raise UnavailableError("a simulated crash")

        def intrude(url):
            plain = open_store(url)
            use_store(at_call(plain, 12, crash)[0])
            with suppress(WdsImagenetError):
                pack(url, other=True)
            use_store(plain)

        for url, _, _ in each_call(intrude, offset=1):
            self.check(objects(url), expected)

    def test_everything_is_removed_at_any_call(self, expected, each_call):
        def remove(url):
            store = open_store(url)
            for item in list(store.list_objects(self.metadata or "")):
                store.delete(item.path)
            for item in list(store.list_objects(self.folder)):
                if item.path.endswith(".tar"):
                    store.delete(item.path)

        for url, _, call in each_call(remove, offset=4):
            if call not in {f"put ('{self.metadata}manifest.json',)", "sweep ()"}:  # after the last look
                self.check(objects(url), expected)

    @pytest.mark.parametrize("place", [0, 2, 7])
    def test_a_file_with_the_name_of_a_shard_appears_at_any_call_and_is_kept(self, each_call, place):
        path = f"{self.folder}small-train-{place:06d}.tar"

        def appear(url):
            open_store(url).put(path, b"precious")

        for url, outcome, _ in each_call(appear, offset=place):
            found = objects(url)
            if isinstance(outcome, WdsImagenetError):
                assert found[path] == b"precious"
                assert f"{self.metadata}manifest.json" not in found


class TestListing(RaceContract, OfListing):
    pass


class TestStream(RaceContract, OfStream):
    pass


class TestLayer(RaceContract, OfLayer):
    changes = {"other": True}

    @pytest.fixture
    def make(self, listing):
        store = open_store(f"memory://races-{uuid4()}")
        pack_listing(listing, store.url, options_for(listing, other=False), workers=1)
        base = objects(store.url)

        def made():
            copy = open_store(f"memory://races-{uuid4()}")
            for path, data in base.items():
                copy.put(path, data)
            return copy.url

        return made
