"""A disk that fails at the n-th operation: a library to preload, and the script that processes share."""

import errno
import mmap
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAMES: Final = (
    *("open", "create", "read", "write", "sync", "rename", "link", "unlink", "mkdir", "list", "stat", "lock"),
)
KINDS: Final = {name: 1 << bit for bit, name in enumerate(_NAMES)}
"""Kinds of operations, in the order of `disk.c`."""
EFFECTS: Final = ("create", "write", "sync", "rename", "link", "unlink", "mkdir")
"""The kinds that change a disk."""
FAULTS: Final = {
    **{
        name: getattr(errno, name)
        for name in ("ENOSPC", "EIO", "EACCES", "EINTR", "EMFILE", "EDQUOT", "ESTALE")
    },
    "kill before": -1,
    "kill after": -2,
    "short": -3,
}
_SCRIPT: Final = struct.Struct("=QQQqQQ1024s")
_COUNTS: Final = slice(32, 48)


@dataclass(frozen=True, slots=True)
class Counts:
    """Operations of the script's kinds under its prefix, and those that met the fault."""

    operations: int
    hits: int


class Disk:
    """The script of all processes that were started with `environment`."""

    def __init__(self, library: Path, file: Path, memory: mmap.mmap) -> None:
        self._memory = memory
        self.environment: Final = {"LD_PRELOAD": str(library), "WDS_IMAGENET_DISK": str(file)}

    def script(
        self, prefix: Path, kinds: tuple[str, ...], fault: str = "EIO", first: int = 1, times: int | None = 1
    ) -> None:
        """Let operations under a folder fail from the `first` one on; None is for ever. Counts begin anew."""
        mask = sum(KINDS[kind] for kind in kinds)
        packed = _SCRIPT.pack(mask, first, times or 0, FAULTS[fault], 0, 0, str(prefix).encode())
        self._memory[: _SCRIPT.size] = packed

    def count(self, prefix: Path, kinds: tuple[str, ...]) -> None:
        """Count operations, without a fault."""
        self.script(prefix, kinds, first=1 << 62)

    def heal(self) -> None:
        """Let every operation succeed."""
        self._memory[: _SCRIPT.size] = bytes(_SCRIPT.size)

    @property
    def counts(self) -> Counts:
        return Counts(*struct.unpack("=QQ", self._memory[_COUNTS]))


class NoCompilerError(Exception):
    """This machine has no C compiler."""


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """Compile the library into a folder, and share a script within the `with`. Raises `NoCompilerError`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoCompilerError("no C compiler")
    library, file = folder / "disk.so", folder / "script"
    source = Path(__file__).with_name("disk.c")
    subprocess.run(
        [compiler, "-O1", "-Wall", "-Wextra", "-fPIC", "-shared", "-o", library, source, "-ldl"], check=True
    )
    file.write_bytes(bytes(4096))
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 4096) as memory:
        yield Disk(library, file, memory)
