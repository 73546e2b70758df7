import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.inputs.spilled.records import SpilledRecords


@given(st.lists(st.tuples(st.text(), st.binary(max_size=50))))
def test_it_is_a_dict_that_keeps_the_first(pairs):
    records, oracle = SpilledRecords(), {}
    for stem, value in pairs:
        assert records.add(stem, value) == (stem not in oracle)
        oracle.setdefault(stem, value)
    assert len(records) == len(oracle)
    assert all(records.get(stem) == value for stem, value in oracle.items())
    assert records.get("x" * 200) is None


PAIRS = st.dictionaries(st.text(max_size=3), st.binary(max_size=3), max_size=4).map(lambda d: list(d.items()))


@given(PAIRS, PAIRS)
def test_what_is_there_is_known_by_its_hash(one, other):
    digests = []
    for pairs in (one, other):
        records = SpilledRecords()
        for stem, value in [*pairs, *pairs]:
            records.add(stem, value)
        digests.append(records.sha256)
    assert (digests[0] == digests[1]) == (one == other)


def test_many_threads_find_what_one_added():
    records = SpilledRecords()
    for number in range(2000):
        records.add(f"n{number}", b"%d" % number)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: records.get(f"n{number}"), range(2000)))
    assert found == [b"%d" % number for number in range(2000)]


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="only Linux tells which files a process has open"
)
def test_nothing_is_left_behind_even_by_a_killed_process(tmp_path):
    program = """if True:
        import os
        from pathlib import Path
        from wds_imagenet.inputs.spilled.records import SpilledRecords
        records = SpilledRecords()
        for number in range(40_000):
            records.add(f"n{number:09d}", bytes(1000))
        files = [str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
        print(files, flush=True)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "SQLITE_TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert str(tmp_path) in done.stdout  # it was larger than the cache, so it was there
    assert done.returncode == -9
    assert not list(tmp_path.iterdir())


def test_it_ends_with_its_last_user():
    records = SpilledRecords()
    records.add("a", b"1")
    find = records.get
    del records
    gc.collect()
    assert find("a") == b"1"
