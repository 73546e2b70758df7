"""A store that dies, freezes or was never there: a clear error within bounds, and a prompt way out."""

import gc
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from wds_imagenet import Dataset, Loader, RandomResizedCrop
from wds_imagenet.demo.s3_server import serve
from wds_imagenet.errors import MissingExtraError, UnavailableError
from wds_imagenet.reading.findings.blocks import verify_blocks
from wds_imagenet.storage import open_store

ENGINES = ["obstore", "fsspec"]
IMPATIENT = {"retries": "2", "timeout": "1", "deadline": "3"}
BOUND = 3 + 1 + 3
"""No attempt begins after the deadline, none is silent for longer than the timeout; and 3 s."""
PROMPT = 3
LANES = 4  # few blocks are fetched before the first batch, and many after it


def servers():
    """The SeaweedFS processes that this one has started, of other fixtures too."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(") ")[2].split()[1])
            if parent == os.getpid() and b"weed" in (folder / "cmdline").read_bytes():
                found.add(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@contextmanager
def running(shards):
    """Run a server of our own with the data set on it: its process, its endpoint, the store's options."""
    before = servers()
    try:
        with serve() as server:
            (process,) = servers() - before
            server.make_bucket("own")
            options = {"endpoint_url": server.endpoint, "key": server.access_key, "secret": server.secret_key}
            store = open_store("s3://own/small", options)
            for path in shards.rglob("*"):
                if path.is_file():
                    store.put(str(path.relative_to(shards)), path.read_bytes())
            yield process, server.endpoint, options
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def one_server(small_shards):
    with running(small_shards) as found:
        yield found


@pytest.fixture
def freezable(one_server):
    """The endpoint and options of a server, and the way to freeze it: it then accepts and never answers."""
    process, endpoint, options = one_server
    yield endpoint, options, lambda: os.kill(process, signal.SIGSTOP)
    os.kill(process, signal.SIGCONT)


@pytest.fixture(autouse=True)
def no_thread_remains():
    yield
    gc.collect()
    assert [t.name for t in threading.enumerate() if t.name.startswith("wds-imagenet")] == []


def loader(options, **more):
    arguments = {"prefetch_bytes": 1, "lanes": LANES, "threads": 2, **more}
    return Loader("s3://own/small", RandomResizedCrop(8), 4, **arguments, storage_options=options)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_that_dies_ends_the_epoch_with_its_address(small_shards, engine):
    with running(small_shards) as (process, endpoint, options):
        one = loader({**options, "engine": engine, **IMPATIENT})
        iteration = iter(one)
        next(iteration)
        os.kill(process, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            list(iteration)
        assert time.monotonic() - began < BOUND
        assert "s3://own/small/small-train-" in str(caught.value)
        assert endpoint in str(caught.value)
        assert "while reading the block small-train-" in " ".join(caught.value.__notes__)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_server_that_freezes_ends_the_epoch_and_verify_in_time(freezable, engine):
    endpoint, options, freeze = freezable
    one = loader({**options, "engine": engine, **IMPATIENT})
    dataset = Dataset.open("s3://own/small", storage_options={"engine": engine, **IMPATIENT, **options})
    iteration = iter(one)
    next(iteration)
    freeze()
    for reading in (iteration, verify_blocks(dataset)):
        began = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            list(reading)
        assert time.monotonic() - began < BOUND
        assert endpoint in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reader_of_a_frozen_server_leaves_at_once(freezable, engine):
    _, options, freeze = freezable
    one = loader({**options, "engine": engine})  # with the usual patience: half a minute an attempt
    iteration = iter(one)
    next(iteration)
    freeze()
    began = time.monotonic()
    one.close()
    assert time.monotonic() - began < PROMPT


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loader_that_another_thread_closes_ends_at_once_and_keeps_its_state(freezable, engine):
    _, options, freeze = freezable
    one = loader({**options, "engine": engine})
    iteration = iter(one)
    next(iteration)
    freeze()
    closer = threading.Timer(0.5, one.close)
    closer.start()
    began = time.monotonic()
    rest = list(iteration)  # waits for the server when it is closed
    assert time.monotonic() - began < 0.5 + PROMPT
    closer.join()
    assert len(rest) < len(one) - 1
    assert one.state_dict()["samples"] == 4 * (1 + len(rest))


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_leaves_a_frozen_server_at_once(freezable, engine):
    _, options, freeze = freezable
    program = textwrap.dedent("""
        import sys
        from wds_imagenet import Dataset, Loader, RandomResizedCrop
        options = dict(pair.split("=", 1) for pair in sys.argv[1:])
        arguments = {"lanes": 4, "prefetch_bytes": 1, "threads": 2, "storage_options": options}
        for batch in Loader("s3://own/small", RandomResizedCrop(8), 4, **arguments):
            print("batch", flush=True)
            sys.stdin.readline()
    """)
    pairs = [f"{name}={value}" for name, value in {**options, "engine": engine}.items()]
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program, *pairs]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout.readline() == "batch\n"
        freeze()
        process.stdin.write("\n" * 1000)
        process.stdin.flush()
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert time.monotonic() - began < PROMPT
    assert process.returncode == -signal.SIGINT


@contextmanager
def silent():
    """An address that accepts and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as hole:
        yield f"http://127.0.0.1:{hole.getsockname()[1]}"


@contextmanager
def refused():
    with closing(socket.create_server(("127.0.0.1", 0))) as hole:
        port = hole.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextmanager
def unknown():
    yield "http://no-such-host.invalid"


@pytest.mark.parametrize("address", [silent, refused, unknown])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_address_where_nobody_answers_is_named(address, engine):
    with address() as endpoint:
        options = {"endpoint_url": endpoint, "key": "k" * 20, "secret": "s" * 20, "engine": engine}
        began = time.monotonic()
        with pytest.raises(UnavailableError) as caught:
            Loader("s3://own/small", RandomResizedCrop(8), 4, storage_options={**options, **IMPATIENT})
    assert time.monotonic() - began < BOUND
    assert f"(at the endpoint {endpoint})" in str(caught.value)


@pytest.mark.parametrize("address", [silent, refused])
@pytest.mark.parametrize("verb", ["verify", "pack"])
def test_the_command_line_ends_with_1_and_names_the_address(address, verb, small_paths):
    with address() as endpoint:
        options = {"endpoint_url": endpoint, "key": "k" * 20, "secret": "s" * 20, **IMPATIENT}
        arguments = [f"--storage-option={name}={value}" for name, value in options.items()]
        what = (
            ["verify", "s3://own/x"]
            if verb == "verify"
            else ["pack", "sidecars", small_paths[0].parent, "s3://own/x"]
        )
        command = [sys.executable, "-m", "wds_imagenet", *map(str, what), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    *_, line = result.stderr.splitlines()
    assert result.returncode == 1
    assert line.startswith("error: s3://own/x")
    assert endpoint in line
    assert "Traceback" not in result.stderr


def test_verify_of_a_server_that_froze_on_the_way_is_no_verdict_on_the_data(freezable):
    endpoint, options, freeze = freezable
    more = [f"--storage-option={name}={value}" for name, value in {**options, **IMPATIENT}.items()]
    freeze()
    command = [sys.executable, "-m", "wds_imagenet", "verify", "s3://own/small", *more]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert endpoint in result.stderr


def test_long_retries_are_logged_once_for_all_threads(freezable, caplog):
    endpoint, options, freeze = freezable
    options = {**options, "retries": "3", "timeout": "1.5", "deadline": "6"}
    one = loader(options, lanes=24, prefetch_bytes=1 << 20)
    next(iter(one.batches(0)))
    freeze()
    with caplog.at_level(logging.WARNING, "wds_imagenet"), pytest.raises(UnavailableError):
        list(one)
    [record] = caplog.records
    assert endpoint in record.message
    assert "trying again, for up to 6 s" in record.message


def test_a_store_that_has_answered_is_waited_for_longer(freezable):
    _, options, _ = freezable
    fresh = open_store("s3://own/small", options)
    assert not fresh._connection.answered
    assert not pickle.loads(pickle.dumps(fresh))._connection.answered
    fresh.info(".wds-imagenet/manifest.json")
    assert fresh._connection.answered
    assert pickle.loads(pickle.dumps(fresh))._connection.answered
    assert (fresh._connection._options.first_contact.deadline, fresh._connection._options.retry.deadline) == (
        10,
        180,
    )
