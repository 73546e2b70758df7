"""Programs with real trainers on real ranks, and the global batches that they must see."""

import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from wds_imagenet import Loader, RandomResizedCrop, pack

PROGRAMS = Path(__file__).parent / "programs"
EPOCHS = 3


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    """Pack 250 images of five classes; return the path."""
    folder = tmp_path_factory.mktemp("trainers")
    for number in range(250):
        out = io.BytesIO()
        Image.new("RGB", (16, 16), (number, 7, 99)).save(out, "JPEG")
        path = folder / "images" / f"c{number % 5}" / f"k{number:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(out.getvalue())
    pack("imagefolder", str(folder / "images"), dest=str(folder / "shards"), samples_per_shard=50)
    return folder / "shards"


@pytest.fixture(scope="session")
def steps(shards):
    """Return the sorted keys of each global batch of 48 samples, by epoch and step."""
    loader = Loader(str(shards), RandomResizedCrop(8), 48)
    return [[sorted(batch.keys) for batch in loader] for _ in range(EPOCHS)]


@pytest.fixture
def train(shards, tmp_path):
    """Return a function that runs a program on some ranks, and returns its notes.

    A note is (phase, epoch, keys), or a text. The keys of one step are those of all ranks. A text must be
    the same on all ranks.
    """

    def run(program, *arguments, needs=(), ranks=2, launcher="torchrun"):
        for package in needs:
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"needs {package}, which bin/test-trainers installs")
        command = [sys.executable]
        if launcher == "torchrun" and ranks > 1:
            command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
        command += [str(PROGRAMS / f"{program}.py"), str(shards), str(tmp_path), *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=110, check=False, env=environment
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        notes = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(ranks)]
        assert len({len(one) for one in notes}) == 1
        return [merged(of_ranks) for of_ranks in zip(*notes, strict=True)]

    return run


def merged(notes):
    if isinstance(notes[0], str):
        assert len(set(notes)) == 1
        return notes[0]
    assert len({(phase, epoch) for phase, epoch, _ in notes}) == 1
    return (*notes[0][:2], sorted(key for _, _, keys in notes for key in keys))


@pytest.fixture
def two_epochs_and_a_resume(steps):
    """Return the notes of two epochs, then of a resume after four steps of the second."""
    first = [("first", epoch, keys) for epoch in (0, 1) for keys in steps[epoch]]
    return [*first, *(("second", 1, keys) for keys in steps[1][4:])]
