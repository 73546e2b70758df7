"""The limit: `limit.c`, compiled with the C of the native engine. Modes: `whole`, `crop`, `resize`."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "wds_imagenet" / "images" / "native"


def prepare(data: Path, _mode: str) -> None:
    """Compile the program. It is compiled each time, since its sources change."""
    sources = [HERE / "limit.c", *(path for path in NATIVE.glob("*/*.c") if path.parent.name != "python")]
    command = [os.environ.get("CC", "gcc"), "-O3", f"-I{NATIVE}", *map(str, sources)]
    part = data / "limit.part"
    subprocess.run([*command, "-o", str(part), "-ljpeg", "-lm", "-lpthread"], check=True)
    part.replace(data / "limit")


def measure(data: Path, workers: int, epochs: Iterable[int], mode: str) -> dict[str, float]:
    """Run the program once for each epoch. It reads the files before its clock starts."""
    folder = data / "folder"
    files = sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.jpg"))
    command = [str(data / "limit"), mode, str(workers), str(len(files)), *files]
    runs = [
        json.loads(subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout)
        for _ in epochs
    ]
    images, seconds, cpu = (sum(run[key] for run in runs) for key in ("images", "seconds", "cpu_seconds"))
    return {
        "images": images,
        "seconds": seconds,
        "first_seconds": 0,
        "images_per_second": images / seconds,
        "cpu_per_image": cpu / images,
    }
