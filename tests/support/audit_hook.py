"""A plugin of pytest: a test fails if wds_imagenet unpickles, evaluates, or starts a shell during it.

CPython reports such calls to audit hooks (PEP 578), whoever makes them. The nearest frame of wds_imagenet or
of a test decides whose call it is. The hook watches the test process, not the processes that tests start.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import pytest

ROOT: Final = str(Path(__file__).parents[2] / "wds_imagenet") + "/"
TESTS: Final = str(Path(__file__).parents[1]) + "/"
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "cmd.exe"})
_WATCHED: Final = frozenset(
    {"exec", "compile", "pickle.find_class", "marshal.loads", "os.system", "subprocess.Popen"}
)
IMPORT: Final = "<frozen importlib"
"""A frame of the import system: an import compiles and runs a module. Our code imports fixed names only."""
CODE_ALLOWED: Final = {
    "/dataclasses.py": "a dataclass is made of generated code",
    "/collections/__init__.py": "so is a named tuple",
    "/typing.py": "annotations are our own code",
    "/inspect.py": "so are signatures",
    "/jinja2/": "templates of the package are compiled; data is never a template",
    "/torch/": "torch makes code of its own functions",
    "/numpy/": "so does numpy",
}
"""Parts of the paths of files that may compile and run code for us, and the reasons."""
PICKLE_ALLOWED: Final = {
    "/multiprocessing/": "our own processes exchange objects that they pickled themselves",
    "/concurrent/futures/process.py": "the same",
}
"""Parts of the paths of files that may unpickle for us, and the reasons."""

violations: Final[list[str]] = []


def judge(event: str, arguments: Sequence[object], files: Sequence[str]) -> str:
    """Return the fault of an event, empty if there is none. Pure.

    `files` are those of the frames, from the caller outwards.
    """
    owner = next((index for index, file in enumerate(files) if file.startswith((ROOT, TESTS))), None)
    if owner is None or not files[owner].startswith(ROOT):
        return ""  # no code of ours is on the stack, or a test made the call itself
    if event == "subprocess.Popen":
        program = str(arguments[0] or "").rpartition("/")[2]
        return f"{files[owner]} starts {program}" if program in _SHELLS else ""
    between = files[:owner]
    if event == "pickle.find_class":
        allowed = bool(between) and any(part in between[0] for part in PICKLE_ALLOWED)
    else:
        parts = (IMPORT, *CODE_ALLOWED)
        allowed = event != "os.system" and any(part in file for file in between for part in parts)
    return "" if allowed else f"{files[owner]}: {event} called by {files[0]}"


def _files(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in _WATCHED:
        fault = judge(event, arguments, list(_files(sys._getframe(1))))
        if fault:
            violations.append(fault)


def take_violations() -> list[str]:
    """Return the violations so far, and forget them."""
    found, violations[:] = [*violations], []
    return found


def pytest_configure() -> None:
    sys.addaudithook(_hook)  # it stays until the process ends


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    if violations:
        pytest.fail(f"{item.nodeid}: forbidden calls of wds_imagenet: {take_violations()}")
