"""A small data set with two layers: every kind of file that a finished data set has, in few bytes."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any, Final

from PIL import Image

from wds_imagenet.format.layers import LayerPlan
from wds_imagenet.format.manifest import MANIFEST_PATH, Manifest
from wds_imagenet.format.own_hash import own_sha256
from wds_imagenet.packing.add_layer import add_layer
from wds_imagenet.packing.api import pack
from wds_imagenet.storage import Store, open_store
from wds_imagenet.util import strict_json

LAYERS: Final = ("captions", "names")
SAMPLES: Final = 9
WNIDS: Final = ("n01440764", "n01443537")


def pack_layered(folder: Path, url: str) -> None:
    """Pack nine drawn pictures in three shards, with a layer of captions and one of class names.

    One is a PNG by the name of a JPEG, which the report lists.

    Args:
        folder: an empty folder for the inputs.
        url: the destination.
    """
    rng = random.Random(1)
    for i in range(SAMPLES):
        path = folder / "in" / WNIDS[i % 2] / f"{WNIDS[i % 2]}_{i}.JPEG"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes("RGB", (8, 8), rng.randbytes(192)).save(path, "PNG" if i == 4 else "JPEG")
    pack(
        "imagefolder",
        str(folder / "in"),
        dest=url,
        name="s",
        samples_per_shard=3,
        block_bytes=2000,
        workers=1,
    )
    store = open_store(url)
    entries = [
        {"filename": f"{key}.JPEG", "wnid": key[:9], "title": f"title of {key}", "tags": []}
        for key in store.read(".wds-imagenet/keys.txt").data.decode().split()
    ]
    (folder / "captions.json").write_text(json.dumps(entries))
    add_layer(url, captions=str(folder / "captions.json"), layer="captions", workers=1)
    put_names(store, "names")


def put_names(store: Store, name: str) -> None:
    """Put a layer of class names alone, as `add_layer` does for a list of ImageNet's thousand classes."""
    base = Manifest.from_json(store.read(MANIFEST_PATH).data)
    classes = tuple({"name_zh": f"名 {i}"} for i in range(len(base.classes)))
    digest = hashlib.sha256(strict_json.dumps(classes)).hexdigest()
    plan = LayerPlan(name, base.fingerprint, (), {}, hashlib.sha256(b"").hexdigest(), digest)
    layer = Manifest(base.name, base.split, (), base.keys_sha256, (), classes, plan.fingerprint)
    store.put(f".wds-imagenet/layers/{name}/plan.json", plan.to_json())
    store.put(f".wds-imagenet/layers/{name}/manifest.json", layer.to_json())


def seal(value: dict[str, Any]) -> bytes:
    """Return the bytes of a changed manifest with the hash that a writer would give it."""
    return json.dumps(value | {"sha256": own_sha256(value)}, ensure_ascii=False).encode()
