"""The fuzz targets for hours: by atheris, which follows coverage, or else by blind mutations."""

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from faults.outcome import Result
from fuzz.mutate import mutate
from fuzz.targets import TARGETS, Target

SECONDS: Final = 10.0
"""Longest time for one input."""
MEMORY: Final = 4 << 30
_STARTS: Final = 60.0
"""Seconds that a fuzzing process may take to import and to end."""


def fuzz_all(index: int, count: int, seed: int, seconds: float, end: float | None) -> Iterator[Result]:
    """Fuzz this process's share of the targets, each for some seconds, and yield a result for each input."""
    mine = [*TARGETS.values()][index::count]
    for number, target in enumerate(mine):
        if end is not None:
            seconds = min(seconds, max(1.0, (end - time.monotonic()) / (len(mine) - number)))
        yield from _fuzz(target, seed, seconds)


def _fuzz(target: Target, seed: int, seconds: float) -> Iterator[Result]:
    """Fuzz a target in a process of its own, since an input may kill or hang it."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        program = [sys.executable, "-m", "fuzz.loop", target.name, str(seed), str(seconds), folder]
        began = time.monotonic()
        try:
            done = subprocess.run(
                program, capture_output=True, text=True, timeout=3 * seconds + _STARTS, check=False
            )
            code, text = done.returncode, done.stderr
        except subprocess.TimeoutExpired as error:
            code, text = None, str(error.stderr)
        took = time.monotonic() - began
        counts = _read_counts(Path(folder))
        for outcome, key in (("right", "values"), ("clear error", "errors")):
            yield Result("fuzz", target.name, outcome, "", took / 2, counts.get(key, 0))
        if code != 0:
            data = Path(folder, "input").read_bytes() if Path(folder, "input").exists() else b""
            case = f"{target.name}, {base64.b64encode(data).decode()}"
            outcome = "hung" if code is None or "SLOW" in text else "crashed"
            yield Result("fuzz", case, outcome, text[-1500:], 0.0)


def _read_counts(folder: Path) -> dict[str, int]:
    file = folder / "counts"
    return json.loads(file.read_text()) if file.exists() else {}


def fuzz_one(case: str) -> str:
    """Run a target on the bytes of a failure again."""
    name, _, data = case.rpartition(", ")
    try:
        return "right" if TARGETS[name].accepts(base64.b64decode(data)) else "clear error"
    except Exception:  # noqa: BLE001 - any error is the answer
        return traceback.format_exc()


def _main(name: str, seed: int, seconds: float, folder: Path) -> None:
    import resource

    target, counts = TARGETS[name], {"values": 0, "errors": 0}
    seeds = target.seeds()
    target.accepts(seeds[0])  # every import is done before memory is limited
    with_coverage = find_spec("atheris") is not None
    if not with_coverage:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY + _used(), MEMORY + _used()))
    end = time.monotonic() + seconds

    def one(data: bytes) -> None:
        (folder / "input").write_bytes(data)
        began = time.monotonic()
        try:
            counts["values" if target.accepts(data) else "errors"] += 1
        except BaseException:
            _save(folder, counts)
            raise
        if time.monotonic() - began > SECONDS:
            _save(folder, counts)
            raise TimeoutError(f"SLOW: {time.monotonic() - began:.0f} s")
        if time.monotonic() > end:
            _save(folder, counts)
            os._exit(0)

    if with_coverage:
        _with_atheris(one, seeds, seed, folder)
    rng = random.Random(seed)
    while True:
        one(mutate(rng, seeds))


def _with_atheris(one: object, seeds: list[bytes], seed: int, folder: Path) -> None:
    import atheris

    corpus = folder / "corpus"
    corpus.mkdir()
    for number, data in enumerate(seeds):
        (corpus / str(number)).write_bytes(data)
    limits = [f"-rss_limit_mb={(MEMORY + _used()) >> 20}", f"-timeout={SECONDS:.0f}", "-max_len=65536"]
    arguments = ["fuzz", str(corpus), f"-seed={seed + 1}", f"-artifact_prefix={folder}/", *limits]
    atheris.Setup(arguments, one)
    atheris.Fuzz()


def _used() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _save(folder: Path, counts: dict[str, int]) -> None:
    (folder / "counts").write_text(json.dumps(counts))


if __name__ == "__main__":
    if find_spec("atheris") is not None:
        import atheris

        with atheris.instrument_imports(include=["wds_imagenet"], enable_loader_override=False):
            import wds_imagenet.cli.pack
            import wds_imagenet.cli.verify
            import wds_imagenet.evaluation.evaluate
            import wds_imagenet.labels.registry
            import wds_imagenet.packing.api
            import wds_imagenet.sources.registry  # noqa: F401 - instrumented before the targets import it
    _main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
