from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.inputs.windowed_reader import MAX_WINDOW, MIN_WINDOW, WindowedReader
from wds_imagenet.storage.store import Blob, ObjectInfo


@dataclass
class Counting:
    """A store that records its reads, with one object: zeros, and a number every 512 bytes."""

    size: int
    reads: list[tuple[int, int]] = field(default_factory=list)

    def content(self, start, stop):
        first, last = start // 512, -(-stop // 512)
        whole = b"".join(n.to_bytes(8, "big") + bytes(504) for n in range(first, last))
        return whole[start - first * 512 :][: stop - start]

    def read(self, _path, start, stop, *, etag):
        assert etag == "etag"
        assert 0 <= start < stop <= self.size
        self.reads.append((start, stop))
        return Blob(self.content(start, stop), None)

    def window(self):
        return WindowedReader(self, ObjectInfo("x", self.size, "etag"))


@given(
    st.integers(1, 200_000), st.lists(st.tuples(st.integers(0, 210_000), st.integers(0, 5000)), max_size=9)
)
def test_any_read_gives_the_bytes_of_the_object(size, wants):
    store = Counting(size)
    window = store.window()
    for at, length in wants:
        assert bytes(window.read(at, length)) == store.content(at, max(at, min(at + length, size)))


def test_small_members_are_read_through_in_growing_windows():
    store = Counting(60 << 20)
    window = store.window()
    for at in range(0, store.size, 110_592):
        window.read(at, 512)
    lengths = [stop - start for start, stop in store.reads]
    assert len(store.reads) <= 24
    assert (lengths[0], max(lengths)) == (MIN_WINDOW, MAX_WINDOW)


def test_large_members_are_skipped():
    store = Counting(150 << 27)
    window = store.window()
    for at in range(0, store.size, 150 << 20):
        window.read(at, 512)
    assert len(store.reads) == 128
    assert sum(stop - start for start, stop in store.reads) == 128 * MIN_WINDOW
