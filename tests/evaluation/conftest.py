"""The genuine devkit, ReaL, and predictions that are perfect under a convention."""

import tarfile

import numpy as np
import pytest

from wds_imagenet.imagenet import read_devkit


@pytest.fixture(scope="session")
def devkit_tar(photos):
    return str(photos / "ilsvrc2012" / "ILSVRC2012_devkit_t12.tar.gz")


@pytest.fixture(scope="session")
def real_json(photos):
    return str(photos / "real" / "real.json")


@pytest.fixture(scope="session")
def kit(devkit_tar):
    return read_devkit(devkit_tar)


@pytest.fixture(scope="session")
def evaluation_folder(devkit_tar, tmp_path_factory):
    folder = tmp_path_factory.mktemp("devkit")
    with tarfile.open(devkit_tar) as archive:
        archive.extractall(folder, filter="data")
    return folder / "ILSVRC2012_devkit_t12"


@pytest.fixture(scope="session")
def truth_ids(evaluation_folder):
    path = evaluation_folder / "data" / "ILSVRC2012_validation_ground_truth.txt"
    return np.array(path.read_text().split(), int)


@pytest.fixture(scope="session")
def synsets(kit, tmp_path_factory):
    """LOC_synset_mapping.txt, made as Kaggle's is from the genuine classes."""
    path = tmp_path_factory.mktemp("kaggle") / "LOC_synset_mapping.txt"
    path.write_text("".join(f"{info.wnid} {info.words}\n" for info in kit.classes))
    return str(path)


def write_lines(path, rows):
    path.write_text("".join(" ".join(map(str, row)) + " \n" for row in rows))
    return str(path)


@pytest.fixture
def lines(tmp_path):
    """Write rows as ILSVRC's demo does, each with a space at its end."""
    return lambda rows, name="predictions.txt": write_lines(tmp_path / name, rows)
