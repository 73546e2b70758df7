"""A packed data set with a layer, and copies of it to damage."""

import shutil
from pathlib import Path

import pytest
from layered_set import pack_layered


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack once; return the folder of the input, and of the data set in `out`."""
    folder = tmp_path_factory.mktemp("packed")
    pack_layered(folder, str(folder / "out"))
    return folder


@pytest.fixture
def place(packed: Path, tmp_path: Path) -> Path:
    """Return a copy of the data set."""
    return shutil.copytree(packed / "out", tmp_path / "out")
