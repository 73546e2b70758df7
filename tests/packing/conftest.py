"""Images to pack: real photos, and small ones where many runs are needed."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wds_imagenet.sample import make_key
from wds_imagenet.sources import Listing, Reference

ListImages = Callable[..., Listing]
HashFiles = Callable[[Path], dict[str, str]]


@pytest.fixture(scope="session")
def list_images() -> ListImages:
    """List image files; the label is the place among seven classes."""

    def listed(paths: list[Path], **fields: Any) -> Listing:
        references = [
            Reference(make_key(p.name), str(p), 0, p.stat().st_size, p.name, i % 7, **fields)
            for i, p in enumerate(paths)
        ]
        classes = tuple({"name": f"class {i}", "wnid": f"n{i:08d}"} for i in range(7))
        return Listing(references, classes)

    return listed


@pytest.fixture(scope="session")
def hash_files() -> HashFiles:
    """Return the SHA-256 of every file in a folder, at any depth."""

    def hashed(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return hashed


@pytest.fixture(scope="session")
def photo_files(photos: Path) -> list[Path]:
    """The thousand real photos."""
    return sorted((photos / "imagenet-sample").glob("*.JPEG"))


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 small pictures in three class folders."""
    folder = tmp_path_factory.mktemp("small")
    draw = random.Random(0)
    for i in range(60):
        target = folder / f"n{i % 3:08d}"
        target.mkdir(exist_ok=True)
        picture = Image.frombytes("RGB", (24, 16), draw.randbytes(24 * 16 * 3))
        picture.save(target / f"n{i % 3:08d}_{i}.JPEG", "JPEG")
    return folder


@pytest.fixture(scope="session")
def small(small_folder: Path, list_images: ListImages) -> Listing:
    """References to the small pictures."""
    return list_images(sorted(small_folder.rglob("*.JPEG")))
