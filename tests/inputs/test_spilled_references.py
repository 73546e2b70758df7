"""References on disk come back unchanged, and leave no file behind."""

import gc
import os
import signal
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.errors import FullError, SourceError, UsageError
from wds_imagenet.inputs.reference import Attachment, Reference
from wds_imagenet.inputs.spilled import references as module
from wds_imagenet.inputs.spilled.references import SpilledReferences, spill_in_order

texts = st.text(st.characters(codec="utf-8"), max_size=20)
sizes = st.none() | st.integers(0, 1 << 60)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
attachments = st.builds(Attachment, texts, texts, st.integers(0), sizes, st.sampled_from(["bytes", "torch"]))
references = st.builds(
    Reference,
    key=texts,
    url=texts,
    offset=st.integers(0, 1 << 60),
    size=sizes,
    name=texts,
    label=st.none() | st.integers(),
    caption=st.none() | texts,
    metadata=st.dictionaries(texts, values, max_size=3),
    attachments=st.lists(attachments, max_size=2).map(tuple),
    rotation=st.sampled_from([0, 0, 90, 180, 270]),
)


@pytest.fixture(scope="module", autouse=True, params=[0, 300, 1 << 15], ids=["on disk", "both", "held"])
def few(request):
    """Run every test with no, some and all entries cached in memory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MAX_CACHED", request.param)
        yield


def references_of(count):
    return [Reference(f"k{i}", f"/x/{i % 3}.tar", i, None, f"{i}.jpg", i % 5) for i in range(count)]


@given(st.lists(references, max_size=8))
def test_references_come_back_unchanged(items):
    spilled = SpilledReferences(items)
    assert list(spilled) == items
    assert [spilled[i] for i in range(len(spilled))] == items


@given(st.integers(0, 600), st.slices(600))
def test_it_is_a_sequence_as_a_list_is(count, part):
    items = references_of(count)
    spilled = SpilledReferences(items)
    assert len(spilled) == count
    assert spilled[part] == items[part]
    assert list(reversed(spilled)) == items[::-1]


@pytest.mark.parametrize("index", [-4, 3])
def test_there_is_nothing_beyond_its_ends(index):
    with pytest.raises(IndexError):
        SpilledReferences(references_of(3))[index]


def test_entries_appended_after_reading_are_read_too():
    spilled = SpilledReferences(references_of(3))
    assert spilled[-1].key == "k2"
    spilled.append(Reference("late", "/y", 0, 1, "late.jpg"))
    assert [reference.key for reference in spilled] == ["k0", "k1", "k2", "late"]


@given(st.lists(st.integers(0, 5), max_size=40), st.integers(1, 7))
def test_it_is_sorted_as_a_list_is(labels, run):
    items = [Reference(f"k{i}", "/x", i, 1, "x", label) for i, label in enumerate(labels)]
    before, module._SORTED_RUN = module._SORTED_RUN, run
    try:
        assert list(spill_in_order(iter(items), attrgetter("label"))) == sorted(
            items, key=attrgetter("label")
        )
    finally:
        module._SORTED_RUN = before


def test_many_threads_read_at_a_time():
    items = references_of(5000)
    spilled = SpilledReferences(items)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(spilled.__getitem__, range(5000))) == items


def test_a_fork_reads_and_does_not_append():
    spilled = SpilledReferences(references_of(1000))
    child = os.fork()
    if not child:
        code = 1
        try:
            spilled.append(spilled[999])
        except UsageError:
            code = 0 if list(spilled) == references_of(1000) else 2
        os._exit(code)
    assert list(spilled) == references_of(1000)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("value", [float("nan"), {1}, b"x", "\udcff"])
def test_values_beyond_json_are_refused_by_name(value):
    with pytest.raises(SourceError, match=r"the reference of 'a\.jpg' has no JSON form"):
        SpilledReferences([Reference("a", "/x", 0, 1, "a.jpg", metadata={"a": value})])


def test_its_file_has_no_name_and_is_closed_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    spilled = SpilledReferences(references_of(50_000))
    assert not list(tmp_path.iterdir())
    del spilled
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_ctrl_c_leaves_no_file(tmp_path):
    program = (
        "import itertools\nfrom wds_imagenet.inputs.reference import Reference\n"
        "from wds_imagenet.inputs.spilled.references import SpilledReferences\n"
        "def some():\n    yield Reference('a', 'b', 0, 1, 'c' * 2_000_000)\n    print('.', flush=True)\n"
        "    yield from itertools.repeat(Reference('a', 'b', 0, 1, 'c'))\n"
        "SpilledReferences(some())\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) in {-signal.SIGINT, 1}
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_error(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(FullError, match="no space left"):
        list(SpilledReferences(references_of(1)))


def test_an_entry_takes_few_bytes_of_memory():
    import tracemalloc

    def many():
        for i in range(100_000):
            yield Reference(f"n{i:08d}", "s3://bucket/train.tar", i * 512, 100, f"n{i:08d}.JPEG", i % 1000)

    tracemalloc.start()
    try:
        spilled = SpilledReferences(many())
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(spilled) == 100_000
    assert used < 100_000 * 10 + (2 << 20)


@pytest.mark.parametrize("sort", [False, True], ids=["in order", "sorted"])
def test_entries_with_large_texts_take_little_memory(sort):
    def made():
        for number in range(200):
            yield Reference(
                f"{number:03d}", "u", 0, 1, f"{number}.jpg", caption=f"{number}" + "x" * (1 << 20)
            )

    tracemalloc.start()
    try:
        spilled = spill_in_order(made(), lambda one: one.key) if sort else SpilledReferences(made())
        assert [one.caption[:3].rstrip("x") for one in spilled] == [str(number) for number in range(200)]
        assert spilled[150].key == "150"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 150 << 20
