"""The laboratory: a real S3 server, the proxy before it, a disk that fails, and a zygote of jobs."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from faults.disk import Disk, disk
from faults.oracle import Truth, compare, draw, samples_of
from faults.outcome import Verdict
from faults.proxy import Proxy
from faults.zygote import Done, Zygote, zygote

from wds_imagenet.demo.s3_server import S3Server, serve
from wds_imagenet.storage import Store, open_store

ENGINES: Final = ("obstore", "fsspec")
TIMES: Final = {"once": 1, "thrice": 3, "for ever": None}
OPTIONS: Final = {"retries": "4", "deadline": "8"}
"""Short bounds for every request of the system under test."""
SMALL: Final = ("--samples-per-shard", "20", "--block-bytes", "20000", "--name", "lab", "--workers", "1")
LARGE: Final = ("--samples-per-shard", "7", "--name", "lab", "--workers", "1")


@dataclass(frozen=True, slots=True)
class Input:
    """A folder of images, the truth about it, and the options that pack it."""

    folder: Path
    truth: Truth
    options: tuple[str, ...]


@dataclass(eq=False)
class Lab:
    """The parts, and the inputs that campaigns share. `slack` multiplies every bound on time."""

    server: S3Server
    proxy: Proxy
    disk: Disk
    zygote: Zygote
    scratch: Path
    slack: float = 1.0
    _places: int = field(default=0)

    @cached_property
    def small(self) -> Input:
        """60 tiny images: three shards of some four blocks."""
        folder = self.scratch / "small"
        return Input(folder, draw(folder, 60), SMALL)

    @cached_property
    def large(self) -> Input:
        """7 images in one shard of 38 MB, which both engines upload in parts."""
        folder = self.scratch / "large"
        return Input(folder, draw(folder, 7, (2400, 1600), 97), LARGE)

    def new_folder(self) -> Path:
        self._places += 1
        return self.scratch / f"place{self._places}"

    def new_url(self) -> str:
        self._places += 1
        return f"s3://lab/{os.getpid()}-{self._places}"

    def pack(self, given: Input, dest: str, *more: str, engine: str = "", limit: float = 60) -> Done:
        """Pack an input by the command line; an engine leads through the proxy."""
        return self.zygote.run(self.pack_job(given, dest, *more, engine=engine), limit=limit * self.slack)

    def pack_job(self, given: Input, dest: str, *more: str, engine: str = "") -> list[str]:
        storage = self.through(engine) if engine else {}
        options = [f"--storage-option={name}={value}" for name, value in storage.items()]
        return ["command", "pack", "imagefolder", str(given.folder), dest, *given.options, *options, *more]

    def through(self, engine: str) -> dict[str, str]:
        """Return the storage options that lead through the proxy, with short bounds."""
        timeout = f"{min(2.0, 0.6 * self.slack):.1f}"  # a busy machine answers late
        return {"endpoint": self.proxy.endpoint, "engine": engine, **OPTIONS, "timeout": timeout}

    def direct(self, url: str) -> Store:
        return open_store(url)

    def files(self, dest: str) -> dict[str, bytes]:
        """Return every object below a URL, or file below a folder, read behind the proxy's back."""
        store = self.direct(dest)
        return {info.path: store.read(info.path).data for info in store.list_objects()}

    def remove(self, dest: str) -> None:
        if dest.startswith("s3://"):
            store = self.direct(dest)
            for info in list(store.list_objects()):
                store.delete(info.path)
        else:
            shutil.rmtree(dest, ignore_errors=True)

    def undisturbed(self, given: Input, *more: str) -> dict[str, str]:
        """Return the hash of every file of an undisturbed pack on a local disk."""
        key = (given.options, more)
        if key not in self._undisturbed:
            folder = self.new_folder()
            done = self.pack(given, str(folder), *more)
            if done.code:
                raise RuntimeError(done.err)
            self._undisturbed[key] = hashes(self.files(str(folder)))
            shutil.rmtree(folder)
        return self._undisturbed[key]

    @cached_property
    def _undisturbed(self) -> dict[Any, dict[str, str]]:
        return {}

    def judge_pack(self, given: Input, dest: str, *more: str) -> Verdict:
        """Compare a finished data set with the truth, and with an undisturbed pack."""
        files = self.files(dest)
        if ".wds-imagenet/manifest.json" not in files:
            return Verdict("lost", "there is no manifest")
        expected = self.undisturbed(given, *more)
        found = hashes(files)
        if missing := sorted(expected.keys() - found.keys()):
            return Verdict("lost", f"there is no {missing[0]}")
        difference = compare(samples_of(files), given.truth, whole=True)
        if difference.verdict:
            return Verdict(difference.verdict, str(difference)[:500])
        if found != expected:
            changed = sorted(path for path in found if found[path] != expected.get(path))
            return Verdict("changed", f"other bytes than those of an undisturbed pack: {changed}")
        return Verdict("right")


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}


@contextmanager
def laboratory(slack: float = 1.0, environment: Sequence[tuple[str, str]] = ()) -> Iterator[Lab]:
    """Start everything, and end it with the `with`. Raises `NoCompilerError` or `MissingExtraError`."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-")))
        server = stack.enter_context(serve())
        server.make_bucket("lab")
        stack.enter_context(patch.dict(os.environ, {**server.environment(), **dict(environment)}))
        proxy = stack.enter_context(Proxy(server.endpoint, f"{server.filer}/buckets").running())
        failing = stack.enter_context(disk(scratch))
        jobs = stack.enter_context(zygote(failing.environment))
        yield Lab(server, proxy, failing, jobs, scratch, slack)
