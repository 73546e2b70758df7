"""The genuine devkit, and what agrees with it."""

import pytest


@pytest.fixture(scope="session")
def ilsvrc(photos):
    """Return the folder with the genuine devkit."""
    return photos / "ilsvrc2012"


@pytest.fixture(scope="session")
def devkit_tar(ilsvrc):
    return ilsvrc / "ILSVRC2012_devkit_t12.tar.gz"
