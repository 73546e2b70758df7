"""The contract of `Store`, tested on every store."""

import asyncio
import multiprocessing
import pickle
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from wds_imagenet.errors import ChangedError, CorruptError, ExistsError, NotFoundError, UsageError
from wds_imagenet.storage import ObjectInfo, Store, open_store

ODD_NAMES = [
    "with space.jpg",
    "日本/ünï.jpg",
    "e\u0301 decomposed",
    "50%20off",
    "a#b",
    "what?x=1",
    "1+1=2",
    "star*[x]{y}",
    "quote'\"",
    "amp&<x>",
    "colon:semi;comma,at@",
    "~tilde",
    ".hidden/.file",
    "x" * 200,
]


class StoreContract:
    """Inherit this class, and override `url` with an empty folder, and its storage `options`."""

    options: dict[str, object] = {}

    @pytest.fixture
    def url(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def store(self, url: str) -> Store:
        return open_store(url, self.options)

    def test_put_bytes_are_read(self, store: Store) -> None:
        store.put("a/b.bin", b"0123456789")
        assert store.read("a/b.bin").data == b"0123456789"

    @pytest.mark.parametrize(
        ("start", "stop"), [(0, 10), (2, 5), (9, 10), (0, None), (7, None), (10, None), (4, 4)]
    )
    def test_a_range_is_exact(self, store: Store, start: int, stop: int | None) -> None:
        store.put("a", b"0123456789")
        blob = store.read("a", start, stop)
        assert type(blob.data) is bytes
        assert blob.data == b"0123456789"[start:stop]

    @pytest.mark.parametrize(("start", "stop"), [(0, 10), (2, 5), (9, 10), (4, 4)])
    def test_a_range_is_exact_in_an_event_loop(self, store: Store, start: int, stop: int) -> None:
        store.put("a", b"0123456789")
        info = store.info("a")
        for etag in (None, info.etag):
            view = asyncio.run(store.read_async("a", start, stop, etag=etag))
            assert view.data == b"0123456789"[start:stop]
            assert view.data.readonly
            assert view.info in {None, info}

    def test_errors_are_the_same_in_an_event_loop(self, store: Store) -> None:
        store.put("a", b"0123456789")
        for path, start, stop, etag, error in [
            ("a", 5, 11, None, CorruptError),
            ("a", 10, 12, None, CorruptError),
            ("a", 5, 4, None, UsageError),
            ("none", 0, 1, None, NotFoundError),
            ("a", 0, 10, '"other"', ChangedError),
        ]:
            with pytest.raises(error):
                asyncio.run(store.read_async(path, start, stop, etag=etag))

    def test_many_ranges_are_read_at_a_time_where_that_is_possible(self, store: Store) -> None:
        async def read_all() -> list[memoryview]:
            views = await asyncio.gather(*(store.read_async("a", i, i + 1) for i in range(100)))
            return [view.data for view in views]

        store.put("a", bytes(range(100)))
        assert asyncio.run(read_all()) == [bytes([i]) for i in range(100)]

    @pytest.mark.parametrize(("start", "stop"), [(5, 11), (10, 12), (20, 30), (11, None), (11, 11)])
    def test_a_range_past_the_end_is_an_error(self, store: Store, start: int, stop: int | None) -> None:
        store.put("a", b"0123456789")
        with pytest.raises(CorruptError, match="a: "):
            store.read("a", start, stop)

    def test_a_range_backwards_is_an_error(self, store: Store) -> None:
        with pytest.raises(UsageError):
            store.read("a", 3, 2)

    def test_an_object_may_be_empty(self, store: Store) -> None:
        store.put("empty", b"")
        assert store.info("empty").size == 0
        assert store.read("empty").data == b""

    def test_info_equals_that_of_reading_and_listing(self, store: Store) -> None:
        store.put("a/b", b"123")
        info = store.info("a/b")
        assert info == ObjectInfo("a/b", 3, info.etag)
        assert info.etag
        assert list(store.list_objects()) == [info]
        assert store.read("a/b").info in {None, info}
        assert store.read("a/b", etag=info.etag).info == info

    def test_a_replaced_object_is_not_read_under_its_old_etag(self, store: Store) -> None:
        store.put("a", b"old")
        etag = store.info("a").etag
        store.put("a", b"new")
        assert store.info("a").etag != etag
        for stop in (2, None, 0):
            with pytest.raises(ChangedError):
                store.read("a", 0, stop, etag=etag)

    @pytest.mark.parametrize(("start", "size"), [(0, 10), (3, 4), (9, 1), (4, 0), (10, 0)])
    def test_reading_into_a_buffer_fills_just_the_buffer(self, store: Store, start: int, size: int) -> None:
        store.put("a", b"0123456789")
        memory = bytearray(b"-" * 12)
        info = store.read_into("a", start, memoryview(memory)[1 : 1 + size])
        assert memory == b"-" + b"0123456789"[start : start + size] + b"-" * (11 - size)
        assert info == store.read("a", start, start + size).info

    @pytest.mark.parametrize("start", [6, 10, 11, 20])
    def test_reading_into_a_buffer_past_the_end_is_an_error(self, store: Store, start: int) -> None:
        store.put("a", b"0123456789")
        with pytest.raises(
            CorruptError, match=f"a: ends at byte .*, before byte {start + 5}|a: the object ends before"
        ):
            store.read_into("a", start, memoryview(bytearray(5)))

    def test_reading_into_a_buffer_raises_what_reading_raises(self, store: Store) -> None:
        buffer = memoryview(bytearray(2))
        with pytest.raises(NotFoundError):
            store.read_into("a", 0, buffer)
        store.put("a", b"0123456789")
        etag = store.info("a").etag
        assert store.read_into("a", 0, buffer, etag=etag) == store.info("a")
        store.put("a", b"9876543210")
        with pytest.raises(ChangedError):
            store.read_into("a", 0, buffer, etag=etag)
        with pytest.raises(UsageError):
            store.read_into("a", -1, buffer)

    def test_a_store_that_is_written_and_listed_offers_both(self, store: Store) -> None:
        assert (store.writable, store.listable) == (True, True)

    def test_a_missing_object_is_not_found(self, store: Store) -> None:
        store.put("folder/a", b"1")
        for path in ("nothing", "folder"):
            with pytest.raises(NotFoundError, match=path):
                store.info(path)
            with pytest.raises(NotFoundError, match=path):
                store.read(path, 0, 1)
            with pytest.raises(NotFoundError, match=path):
                store.read(path)

    def test_create_keeps_an_existing_object(self, store: Store) -> None:
        store.put("a", b"first", create=True)
        with pytest.raises(ExistsError, match="a: exists"):
            store.put("a", b"first", create=True)
        with pytest.raises(ExistsError):
            store.put("a", b"second", create=True)
        assert store.read("a").data == b"first"

    @pytest.mark.parametrize("size", [10, 17 << 20], ids=["small", "in parts"])
    def test_creating_from_a_file_keeps_an_existing_object(
        self, store: Store, tmp_path: Path, size: int
    ) -> None:
        folder = store.staging or tmp_path
        folder.mkdir(parents=True, exist_ok=True)
        for name in (b"1", b"2"):
            (folder / name.decode()).write_bytes(name * size)
        store.put_file("a", folder / "1", create=True)
        with pytest.raises(ExistsError, match="a: exists"):
            store.put_file("a", folder / "2", create=True)
        assert store.read("a").data == b"1" * size

    @pytest.mark.parametrize("from_file", [False, True], ids=["bytes", "file"])
    def test_of_eight_that_create_one_wins(self, store: Store, tmp_path: Path, from_file: bool) -> None:  # noqa: FBT001
        def create(number: int) -> int | None:
            file = (store.staging or tmp_path) / str(number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"%d" % number * 1000)
            try:
                if from_file:
                    store.put_file("race", file, create=True)
                else:
                    store.put("race", file.read_bytes(), create=True)
            except ExistsError:
                return None
            return number

        with ThreadPoolExecutor(8) as threads:
            winners = [number for number in threads.map(create, range(8)) if number is not None]
        assert len(winners) == 1
        assert store.read("race").data == b"%d" % winners[0] * 1000

    def test_a_put_replaces(self, store: Store) -> None:
        store.put("a", b"long before")
        store.put("a", b"after")
        assert store.read("a").data == b"after"

    def test_a_file_is_put_whole(self, store: Store, tmp_path: Path) -> None:
        data = bytes(range(256)) * (40 << 10)  # more than one part of an upload may have
        (tmp_path / "file").write_bytes(data)
        store.put_file("folder/file.tar", tmp_path / "file")
        assert store.info("folder/file.tar").size == len(data)
        assert store.read("folder/file.tar").data == data
        (tmp_path / "small").write_bytes(b"small")
        store.put_file("folder/file.tar", tmp_path / "small")
        assert store.read("folder/file.tar").data == b"small"

    def test_a_staged_file_is_put_and_never_listed(self, store: Store, tmp_path: Path) -> None:
        staging = store.staging or tmp_path
        staging.mkdir(parents=True, exist_ok=True)
        (staging / "shard").write_bytes(b"shard")
        assert list(store.list_objects()) == []
        store.put_file("shard", staging / "shard")
        assert [info.path for info in store.list_objects()] == ["shard"]

    def test_a_file_that_is_not_there_is_not_put(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError):
            store.put_file("a", tmp_path / "nothing")
        assert list(store.list_objects()) == []

    def test_a_listing_is_in_code_point_order_at_any_depth(self, store: Store) -> None:
        paths = ["a/b/c", "a/b", "a-b", "a.b", "a0", "B", "é", "z/1", "z/10", "z/2"]
        paths.remove("a/b")  # a file and a folder of one name exist in buckets only
        for path in paths:
            store.put(path, path.encode())
        assert [info.path for info in store.list_objects()] == sorted(paths)
        assert [info.size for info in store.list_objects()] == [len(p.encode()) for p in sorted(paths)]

    @pytest.mark.parametrize(
        ("prefix", "found"),
        [
            ("a", ["a-1", "a/2", "a/3/4"]),
            ("a/", ["a/2", "a/3/4"]),
            ("a/3", ["a/3/4"]),
            ("x", []),
            ("x/y", []),
        ],
    )
    def test_a_prefix_is_text_not_a_folder(self, store: Store, prefix: str, found: list[str]) -> None:
        for path in ("a-1", "a/2", "a/3/4", "b"):
            store.put(path, b"")
        assert [info.path for info in store.list_objects(prefix)] == found

    def test_an_empty_folder_lists_nothing(self, store: Store) -> None:
        assert list(store.list_objects()) == []

    def test_deleting_twice_is_no_error(self, store: Store) -> None:
        store.put("a", b"1")
        store.delete("a")
        store.delete("a")
        store.delete("never/was")
        with pytest.raises(NotFoundError):
            store.info("a")

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_a_name_may_be_odd(self, store: Store, name: str) -> None:
        store.put(name, name.encode())
        assert store.read(name, 0, 1).data == name.encode()[:1]
        assert [info.path for info in store.list_objects()] == [name]
        store.delete(name)
        assert list(store.list_objects()) == []

    @pytest.mark.parametrize("path", ["", "../a", "a/..", ".", "a/./b", "a\0b"])
    def test_a_path_stays_within_the_store(self, store: Store, path: str) -> None:
        for call in (store.info, store.read, store.delete, lambda p: store.put(p, b"")):
            with pytest.raises(UsageError):
                call(path)

    def test_a_pickled_store_is_the_same_store(self, store: Store) -> None:
        store.put("a", b"1")
        copy = pickle.loads(pickle.dumps(store))
        names = ("url", "shared", "listable", "writable", "staging")
        assert [getattr(copy, name) for name in names] == [getattr(store, name) for name in names]
        assert copy.read("a").data == b"1"

    def test_eight_threads_read_and_write_at_once(self, store: Store) -> None:
        def work(number: int) -> bool:
            data = bytes([number]) * 100_000
            store.put(f"{number}", data)
            return store.read(f"{number}", 1000, 90_000).data == data[1000:90_000]

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(work, range(32)))
        assert len(list(store.list_objects())) == 32

    def test_sweep_keeps_put_objects(self, store: Store) -> None:
        store.sweep()
        store.put("a", b"1")
        store.sweep()
        assert store.read("a").data == b"1"

    def test_a_spawned_process_reads_it(self, store: Store) -> None:
        if not store.shared:
            pytest.skip("memory belongs to one process")
        store.put("a", b"across")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            assert pool.apply_async(store.read, ("a",)).get(60).data == b"across"


class TestLocal(StoreContract):
    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return str(tmp_path / "store" / "deep")


class TestMemory(StoreContract):
    @pytest.fixture
    def url(self) -> str:
        return f"memory://{uuid4().hex}/store"

    def test_no_thread_comes_between_looking_and_creating(self, store: Store) -> None:
        def create(number: int) -> bool:
            try:
                store.put(f"{number % 100}", b"1", create=True)
            except ExistsError:
                return False
            return True

        usual = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with ThreadPoolExecutor(8) as threads:
                assert sum(threads.map(create, sorted(range(800), key=lambda n: n % 100))) == 100
        finally:
            sys.setswitchinterval(usual)


class TestS3ByObstore(StoreContract):
    options = {"engine": "obstore"}

    @pytest.fixture
    def url(self, s3_url: str) -> Iterator[str]:
        yield s3_url


class TestS3ByFsspec(StoreContract):
    options = {"engine": "fsspec"}

    @pytest.fixture
    def url(self, s3_url: str) -> Iterator[str]:
        yield s3_url
