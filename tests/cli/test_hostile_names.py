"""Names that would drive a terminal are printed escaped, as text and as JSON."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wds_imagenet import pack
from wds_imagenet.cli.commands import run
from wds_imagenet.format.manifest import Manifest

HOSTILE = "cat\x1b[2J\u202e\x9b31m\r\u2028\x07"
UNSAFE = set("\x1b\u202e\x9b\r\u2028\x07")


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / "in" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "in" / name / f"p{name}.png")
    pack("imagefolder", str(tmp_path / "in"), dest=str(tmp_path / "out"), workers=1)
    folder = tmp_path / "out" / ".wds-imagenet"
    keys = (folder / "keys.txt").read_text().replace("p", HOSTILE.replace("\r", ""), 1)
    (folder / "keys.txt").write_text(keys, newline="")
    manifest = Manifest.from_json((folder / "manifest.json").read_bytes())
    classes = tuple({**item, "name": f"{HOSTILE}{item['name']}"} for item in manifest.classes)
    digest = hashlib.sha256(keys.encode()).hexdigest()
    forged = dataclasses.replace(manifest, classes=classes, keys_sha256=digest)
    (folder / "manifest.json").write_bytes(forged.to_json())
    return tmp_path / "out"


@pytest.mark.parametrize("command", ["info", "ls", "verify", "cat", "info --json", "verify --json"])
def test_a_forged_data_set_prints_no_control_character(
    packed: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    verb, *options = command.split()
    more = [HOSTILE] if verb == "cat" else []
    with pytest.raises(SystemExit):
        run([verb, str(packed), *more, *options])
    shown = capsys.readouterr()
    assert not UNSAFE & set(shown.out + shown.err)
    if command == "info --json":
        assert json.loads(shown.out)["classes"][0]["name"].startswith(HOSTILE)
    if command in {"info", "ls"}:
        assert "\\x1b[2J\\u202e\\x9b31m" in shown.out
