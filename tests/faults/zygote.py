"""A process that forks a child for each job, so that a job costs no imports, and may die or hang.

Each line of its input is a job; each line of its output is the process of the job, then its result.
"""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

_TESTS: Final = Path(__file__).parents[1]
_IMPORTS: Final = (
    *("torch", "numpy", "PIL.Image", "obstore", "s3fs", "aiobotocore.session", "pyarrow", "click"),
    *(
        "wds_imagenet.cli.pack",
        "wds_imagenet.cli.verify",
        "wds_imagenet.cli.add_layer",
        "wds_imagenet.sources",
    ),
    *("wds_imagenet.packing.api", "wds_imagenet.packing.engines.local", "wds_imagenet.reading.loader"),
)


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a job: its exit code, negative for a signal; None if it was ended after its time."""

    code: int | None
    out: str
    err: str
    seconds: float


class Zygote:
    """Starts jobs, one at a time or several at once."""

    def __init__(self, process: "subprocess.Popen[str]", scratch: Path) -> None:
        self._process, self._scratch = process, scratch
        self._jobs = 0

    def start(
        self, job: Sequence[str], environment: Mapping[str, str] | None = None, limit: float = 60
    ) -> "Job":
        """Start a job: the name of a function of `jobs`, and its arguments. It ends after `limit` seconds."""
        self._jobs += 1
        paths = [self._scratch / f"{self._jobs}.{name}" for name in ("out", "err", "end")]
        order = [list(job), dict(environment or {}), [str(path) for path in paths]]
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return Job(int(self._process.stdout.readline()), paths, limit)

    def run(
        self, job: Sequence[str], environment: Mapping[str, str] | None = None, limit: float = 60
    ) -> Done:
        return self.start(job, environment, limit).wait()


class Job:
    """A job that was started, in a process group of its own."""

    def __init__(self, process: int, paths: list[Path], limit: float) -> None:
        self._process, self._paths, self._limit = process, paths, limit
        self._began = time.monotonic()

    def kill(self) -> None:
        """Kill the job and its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)

    def wait(self) -> Done:
        out, err, end = self._paths
        late = False
        while not end.exists():
            if not late and time.monotonic() - self._began > self._limit:
                late = True
                self.kill()
            time.sleep(0.002)
        seconds = time.monotonic() - self._began
        self.kill()  # workers that outlive their packer
        code = None if late else int(end.read_text())
        done = Done(code, out.read_text(errors="replace"), err.read_text(errors="replace"), seconds)
        for path in self._paths:
            path.unlink()
        return done


@contextmanager
def zygote(environment: Mapping[str, str] | None = None) -> Iterator[Zygote]:
    """Start a zygote within the `with`; jobs inherit its environment, and so a preloaded library."""
    pipe = subprocess.PIPE
    paths = [str(_TESTS.parent), str(_TESTS), str(_TESTS / "support")]
    inherited = {**os.environ, **(environment or {}), "PYTHONPATH": os.pathsep.join(paths)}
    program = [sys.executable, "-m", "faults.zygote"]
    with (
        tempfile.TemporaryDirectory() as scratch,
        subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True, env=inherited) as process,
    ):
        try:
            yield Zygote(process, Path(scratch))
        finally:
            assert process.stdin
            process.stdin.close()


def _main() -> None:
    from importlib import import_module

    for module in _IMPORTS:
        import_module(module)
    jobs: Any = import_module("faults.jobs")
    children: dict[int, Path] = {}
    waiting = b""
    while True:
        if select.select([0], [], [], 0.003 if children else None)[0]:
            received = os.read(0, 1 << 16)
            if not received:
                return
            waiting += received
        while b"\n" in waiting:
            line, _, waiting = waiting.partition(b"\n")
            job, environment, paths = json.loads(line)
            child = os.fork()
            if not child:
                _run(jobs, job, environment, paths)
            children[child] = Path(paths[2])
            with suppress(OSError):  # the child does it too; whoever is first
                os.setpgid(child, child)
            sys.stdout.write(f"{child}\n")
            sys.stdout.flush()
        _reap(children)


def _reap(children: dict[int, Path]) -> None:
    """Write down the end of each child that has ended."""
    while children:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        end = children.pop(child)
        new = end.with_suffix(".new")
        new.write_text(str(os.waitstatus_to_exitcode(status)))
        new.rename(end)


def _run(jobs: Any, job: list[str], environment: dict[str, str], paths: list[str]) -> None:
    """Run a job in this process, a child, and end it."""
    code = 99
    try:
        os.setpgid(0, 0)
        os.environ.update(environment)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        for number, path in enumerate(paths[:2], 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        getattr(jobs, job[0])(*job[1:])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, the laboratory reports it
        traceback.print_exc()
    finally:
        _end(code, sys.stdout, sys.stderr)


def _end(code: int, *streams: TextIO) -> None:
    for stream in streams:
        stream.flush()
    # Not sys.exit, which would run what the zygote has registered; but threads are joined, as at any exit.
    import threading

    threading._shutdown()
    os._exit(code)


if __name__ == "__main__":
    _main()
