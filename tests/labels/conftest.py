"""The genuine devkit, and what agrees with it."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ilsvrc():
    """Return the folder with the genuine devkit."""
    data = Path(os.environ.get("WDS_IMAGENET_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (data / "ilsvrc2012").is_dir():
        pytest.skip("the devkit is not here; set WDS_IMAGENET_DATA to the data's folder")
    return data / "ilsvrc2012"


@pytest.fixture(scope="session")
def devkit_tar(ilsvrc):
    return ilsvrc / "ILSVRC2012_devkit_t12.tar.gz"
