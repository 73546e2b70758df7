"""The environments of `benchmarks/setup`: `torch`, and one for each package that conflicts with it."""

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
NAMES: Final = ("torch", "mosaicml", "dali", "ffcv", "spdl", "datago")


def python(name: str) -> Path:
    """Return the path of an environment's interpreter, which need not exist."""
    return HERE / ".venvs" / name / "bin" / "python"


def is_there(name: str) -> bool:
    """Return True if `benchmarks/setup` has finished the environment."""
    return (HERE / ".venvs" / name / ".installed").exists()


def versions(name: str) -> str:
    """Return the versions of an environment's requirements and of its decoders."""
    text = (HERE / "requirements" / f"{name}.txt").read_text()
    wanted = re.findall(r"^[\w-]+", text, re.MULTILINE)
    wanted += {"torch": ["wds-imagenet", "simplejpeg"]}.get(name, [])
    program = (
        "from importlib.metadata import distributions as d; print(*[i.name + '==' + i.version for i in d()])"
    )
    command = [str(python(name)), "-c", program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE).stdout
    found = dict(word.split("==") for word in printed.lower().replace("_", "-").split())
    shown = (package for package in dict.fromkeys([*wanted, "numpy", "pillow"]) if package in found)
    return f"{name}: " + ", ".join(f"{package} {found[package]}" for package in shown)


def machine() -> str:
    """Describe this machine: cores, CPU, memory and kernel."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    cpu = next(models, platform.machine())
    return f"{cores} × {cpu}, {gigabytes:.0f} GB, {platform.system()} {platform.release()}"
