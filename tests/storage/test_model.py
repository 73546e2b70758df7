"""The local disk and memory behave like a dictionary under any order of calls."""

import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from wds_imagenet.errors import CorruptError, ExistsError, NotFoundError
from wds_imagenet.storage import Store, open_store

PATHS = st.sampled_from(["a", "b/c", "b/d.tar", "b/e/f", "b-", "é"])
BYTES = st.binary(max_size=40)


class DictionaryModel(RuleBasedStateMachine):
    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, bytes] = {}

    @rule(path=PATHS, data=BYTES)
    def put(self, path: str, data: bytes) -> None:
        self.store.put(path, data)
        self.model[path] = data

    @rule(path=PATHS, data=BYTES)
    def create(self, path: str, data: bytes) -> None:
        try:
            self.store.put(path, data, create=True)
        except ExistsError:
            assert path in self.model
        else:
            assert path not in self.model
            self.model[path] = data

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        self.store.delete(path)
        self.model.pop(path, None)

    @rule(path=PATHS, start=st.integers(0, 50), stop=st.none() | st.integers(0, 50))
    def read(self, path: str, start: int, stop: int | None) -> None:
        if stop is not None and stop < start:
            return
        try:
            data = self.store.read(path, start, stop).data
        except NotFoundError:
            assert path not in self.model
        except CorruptError:
            assert len(self.model[path]) < (start if stop is None else stop)
        else:
            assert data == self.model[path][start:stop]
            assert stop is None or len(data) == stop - start

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def read_under_an_etag(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.model)))
        info = self.store.info(path)
        assert self.store.read(path, etag=info.etag).data == self.model[path]

    @rule()
    def sweep(self) -> None:
        self.store.sweep()

    @rule(prefix=st.sampled_from(["", "a", "b", "b/", "b/d", "x", "b/e/"]))
    def list_a_prefix(self, prefix: str) -> None:
        found = [info.path for info in self.store.list_objects(prefix)]
        assert found == sorted(path for path in self.model if path.startswith(prefix))

    @invariant()
    def the_listing_is_the_model(self) -> None:
        found = [(info.path, info.size) for info in self.store.list_objects()]
        assert found == [(path, len(self.model[path])) for path in sorted(self.model)]


class OnDisk(DictionaryModel):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(self.folder)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)


class InMemory(DictionaryModel):
    def __init__(self) -> None:
        super().__init__()
        self.store = open_store(f"memory://{uuid4().hex}")


TestOnDisk = OnDisk.TestCase
TestInMemory = InMemory.TestCase
TestOnDisk.settings = TestInMemory.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
