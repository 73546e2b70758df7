"""One damaged reply for a manifest or a list of keys is not taken for a damaged data set."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.scripted_server import DATE, Reply, ScriptedServer, scripted_server

from wds_imagenet import Dataset, pack
from wds_imagenet.errors import CorruptError, ManifestError

MANIFEST, KEYS = ".wds-imagenet/manifest.json", ".wds-imagenet/keys.txt"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("packed")
    for number in range(6):
        folder = root / "in" / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((16, 16, 3), number, np.uint8)).save(folder / f"p{number}.jpg")
    pack("imagefolder", str(root / "in"), dest=str(root / "out"), workers=1)
    return root / "out"


@pytest.fixture
def server(packed: Path):
    with scripted_server() as server:
        for path in packed.rglob("*"):
            if path.is_file():
                server.objects[f"/b/d/{path.relative_to(packed).as_posix()}"] = path.read_bytes()
        yield server


def options(server: ScriptedServer, engine: str) -> dict[str, object]:
    keys = {"key": "a" * 8, "secret": "b" * 8, "region": "us-east-1"}
    return {**keys, "engine": engine, "endpoint_url": server.url, "retries": 2, "timeout": 2}


def packed_keys(server: ScriptedServer) -> list[str]:
    return server.objects[f"/b/d/{KEYS}"].decode().split()


def flipped(data: bytes) -> Reply:
    middle = len(data) // 2
    data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    tag = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Reply(200, data, {"ETag": f'"{tag}"', "Last-Modified": DATE})


def cut(data: bytes) -> Reply:
    return Reply(200, data[:-7], {"ETag": '"x"', "Last-Modified": DATE})


@pytest.mark.parametrize("engine", ["obstore", "fsspec"])
@pytest.mark.parametrize("damage", [flipped, cut])
@pytest.mark.parametrize("path", [MANIFEST, KEYS])
def test_the_object_is_read_once_more(server: ScriptedServer, engine: str, damage, path: str) -> None:
    data = server.objects[f"/b/d/{path}"]
    server.only = lambda method, url: method == "GET" and url.endswith(path)
    server.script.append(damage(data))
    dataset = Dataset.open("s3://b/d", storage_options=options(server, engine))
    assert sorted(dataset.keys()) == sorted(packed_keys(server))
    assert not server.script
    server.always = damage(data)
    with pytest.raises((ManifestError, CorruptError)):
        list(Dataset.open("s3://b/d", storage_options=options(server, engine)).keys())


@pytest.mark.parametrize("engine", ["obstore", "fsspec"])
@pytest.mark.parametrize("fault", ["error", "empty"])
def test_verify_blames_no_healthy_data(server: ScriptedServer, engine: str, fault: str) -> None:
    body = b"<Error><Code>InternalError</Code></Error>" if fault == "error" else b""
    faulty = set()

    def first_of_each(method: str, url: str) -> bool:
        new = method == "GET" and "?" not in url and url not in faulty
        faulty.add(url)
        return new

    server.only, server.always = first_of_each, Reply(200, body)
    dataset = Dataset.open("s3://b/d", storage_options=options(server, engine))
    assert len([sample.key for sample in dataset.samples()]) == 6
    assert len(list(dataset.keys())) == 6
    assert len(faulty) == 3
