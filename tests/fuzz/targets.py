"""Fuzz targets: each reads any bytes, and returns, or raises an error that its docstring promises."""

import io
import json
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from wds_imagenet.errors import WdsImagenetError

Read = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Target:
    """A reader of bytes, real bytes to begin from, and the errors that it may raise besides ours."""

    name: str
    run: Read
    seeds: Callable[[], list[bytes]]
    also: tuple[type[Exception], ...] = ()

    def accepts(self, data: bytes) -> bool:
        """Return True for a value, False for an error that may be; any other error is raised."""
        try:
            self.run(data)
        except (WdsImagenetError, *self.also):
            return False
        return True


def _tar(files: dict[str, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def shards() -> list[bytes]:
    sample = {"a.jpg": b"\xff\xd8\xff\xd9", "a.cls": b"3", "a.json": b'{"label": 3, "sha256": "00"}'}
    long = {f"{'d' * 120}/b.png": b"x" * 700, "b.txt": "café".encode()}
    return [_tar(sample), _tar(sample | long, tarfile.GNU_FORMAT), _tar(long, tarfile.PAX_FORMAT), _tar({})]


def _samples(data: bytes) -> object:
    from wds_imagenet.format.samples import ArchiveSamples

    return [
        [(s.key, dict(s.members), s.label, s.caption, s.json) for s in ArchiveSamples(data, ended=ended)]
        for ended in (True, False)
    ]


def _walk(data: bytes) -> object:
    from wds_imagenet.format.tar import walk_bytes

    return list(walk_bytes(data))


def _archive(data: bytes) -> object:
    from wds_imagenet.inputs.archives.tar_listing import list_archive

    return list(list_archive(lambda at, size: data[at : at + size], len(data), "x.tar"))


@cache
def packed() -> dict[str, bytes]:
    """Return the files of a small data set."""
    from faults.oracle import draw

    from wds_imagenet import add_layer
    from wds_imagenet.packing.api import pack

    with tempfile.TemporaryDirectory() as folder:
        dest = Path(folder) / "out"
        truth = draw(Path(folder) / "in", 6)
        pack("imagefolder", f"{folder}/in", dest=str(dest), samples_per_shard=3, workers=1)
        captions = [{"filename": f"{key}.JPEG", "wnid": key[:9], "title": "x"} for key in truth]
        (Path(folder) / "captions.json").write_text(json.dumps(captions))
        add_layer(str(dest), captions=f"{folder}/captions.json", layer="lab", workers=1)
        return {str(p.relative_to(dest)): p.read_bytes() for p in dest.rglob("*") if p.is_file()}


def _packed(end: str) -> Callable[[], list[bytes]]:
    return lambda: [data for path, data in packed().items() if path.endswith(end)]


def _manifest(data: bytes) -> object:
    from wds_imagenet.format.manifest import Manifest

    return Manifest.from_json(data).to_json()


def _receipt(data: bytes) -> object:
    from wds_imagenet.packing.build.receipt import Receipt

    return Receipt.from_json(data).to_json()


def _plan(data: bytes) -> object:
    from wds_imagenet.packing.plan.plan_file import differences

    good = packed()[".wds-imagenet/plan.json"]
    return differences(data, good)


def _layer_plan(data: bytes) -> object:
    from wds_imagenet.format.layers import LayerPlan

    return LayerPlan.from_json(data)


def _json(data: bytes) -> object:
    from wds_imagenet.util import strict_json

    return strict_json.dumps(strict_json.loads(data))


def _entries(data: bytes) -> object:
    from wds_imagenet.inputs.json_stream import read_entries

    return [list(read_entries([data])), list(read_entries([data[:7], data[7:]]))]


def _state(data: bytes) -> object:
    from wds_imagenet.reading.order.state import LoaderState

    return LoaderState.from_dict(json.loads(data)).to_dict()


def _states() -> list[bytes]:
    from wds_imagenet.reading.order.state import LoaderState

    return [json.dumps(LoaderState("0" * 64, 1, 2, 240, 17, skipped=("a", "b")).to_dict()).encode()]


def _voc(data: bytes) -> object:
    from wds_imagenet.imagenet.voc_xml import parse_voc

    return parse_voc(data)


_VOC: Final = (
    b"<annotation><size><width>500</width><height>375</height></size><object><name>n01440764</name>"
    b"<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>"
)


def _mat(data: bytes) -> object:
    from wds_imagenet.inputs.mat import read_mat

    return read_mat(data)


def _mats() -> list[bytes]:
    import numpy as np
    from scipy.io import savemat

    found = []
    kinds = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("children", "O")]
    synsets = np.zeros((2, 1), kinds)
    synsets[:, 0] = [(1.0, "n01440764", "tench", np.array([1.0, 2.0])), (2.0, "n01443537", "goldfish", 3.0)]
    for compressed in (False, True):
        out = io.BytesIO()
        savemat(out, {"synsets": synsets, "ids": np.array([[1.5, 2.0]])}, do_compression=compressed)
        found.append(out.getvalue())
    return found


def _npz(data: bytes) -> object:
    from wds_imagenet.evaluation.logit_files import read_logits

    return read_logits(data, "x.npz", None)


def _npy(data: bytes) -> object:
    from wds_imagenet.evaluation.logit_files import read_logits

    return read_logits(data, "x.npy", b"a\nb\n")


def _arrays(*, zipped: bool) -> list[bytes]:
    import numpy as np

    logits = np.zeros((2, 1000), np.float32)
    out = io.BytesIO()
    if zipped:
        np.savez_compressed(out, logits=logits, keys=np.array(["a", "b"]))
    else:
        np.save(out, logits)
    return [out.getvalue()]


def _tensors(data: bytes) -> object:
    from wds_imagenet.inputs.torch_save import load_tensors

    return load_tensors(data, "x.pth")


def _saved() -> list[bytes]:
    import torch

    out = io.BytesIO()
    torch.save({"a": torch.arange(3), "names": ["x"]}, out)
    return [out.getvalue()]


def _class_rows(data: bytes) -> object:
    from wds_imagenet.imagenet.class_rows import parse_class_rows

    return parse_class_rows(data)


_CLASS_LISTS: Final = (
    "n01440764 丁鲷\nn01443537 金鱼\n".encode(),
    '{"0": ["n01440764", "丁鲷"], "1": ["n01443537", "x"]}'.encode(),
    b"label,wnid,name\n0,n01440764,tench\n1,n01443537,goldfish\n",
    "65\tsea snake\t海蛇\n66\thorned viper\t角蝰\n".encode(),
    b"{0: 'tench, Tinca tinca', 1: 'goldfish'}",
    b"tench\ngoldfish\n",
)


def _literal(data: bytes) -> object:
    from wds_imagenet.util.python_literal import parse_literal

    return parse_literal(data.decode("utf-8", "replace"))


def _unpack(data: bytes) -> object:
    from wds_imagenet.inputs.compression import unpack

    return unpack(data, 1 << 20)


def _compressed() -> list[bytes]:
    import bz2
    import gzip
    import lzma

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "abc" * 100)
    data = b"some text " * 50
    return [gzip.compress(data), bz2.compress(data), lzma.compress(data), out.getvalue()]


def _predictions(layout: str) -> Read:
    def read(data: bytes) -> object:
        from wds_imagenet.evaluation import keyed_files

        return getattr(keyed_files, layout)(data.decode("utf-8", "replace"), "x")

    return read


def _submission(data: bytes) -> object:
    from wds_imagenet.evaluation.text_files import Layout, read_text

    text = data.decode("utf-8", "replace")
    return [_value_or_error(lambda one=one: read_text(text, "x", one)) for one in Layout]


def _value_or_error(call: Callable[[], object]) -> object:
    try:
        return call()
    except WdsImagenetError as error:
        return error


def _solution(data: bytes) -> object:
    from wds_imagenet.imagenet.kaggle_csv import parse_solution

    return list(parse_solution(io.StringIO(data.decode("utf-8", "replace"), newline=""), "x.csv"))


def _url(data: bytes) -> object:
    from wds_imagenet.storage.url import check_path, parse_url, split_url

    text = data.decode("utf-8", "replace")
    return [_value_or_error(lambda call=call: call(text)) for call in (parse_url, split_url, check_path)]


_URLS: Final = (
    b"s3://bucket/a/b", b"az://container@account/x", b"https://user:pw@host:80/a.tar?sig=1#f", b"file:///tmp/x",
    b"simplecache::s3://a/b", b"memory://x", b"/a/../b", b"http://[::1]/x",
)  # fmt: skip


def _probe(data: bytes) -> object:
    from wds_imagenet.images.probe import probe

    return probe(data)


def _decode(data: bytes) -> object:
    from wds_imagenet.images.decode import decode_image

    return decode_image(data)


def _images() -> list[bytes]:
    from PIL import Image

    found = []
    for form in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"):
        out = io.BytesIO()
        Image.effect_noise((20, 14), 60).convert("RGB").save(out, form)
        found.append(out.getvalue())
    return found


def _foreign_shard(data: bytes) -> object:
    return _on_file(data, "x.tar", _index)


def _index(path: str) -> object:
    from wds_imagenet import index

    out = Path(path).parent
    try:
        return index(path, threads=1)
    finally:
        for file in out.rglob("manifest.json"):
            file.unlink()


def _on_file(data: bytes, name: str, read: Callable[[str], Any]) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        return read(str(path))


def _table(name: str) -> Read:
    def read(data: bytes) -> object:
        from wds_imagenet.packing.api import pack

        def dry(path: str) -> object:
            for image in ("a.jpg", "b.jpg"):
                Path(path).with_name(image).write_bytes(b"\xff\xd8\xff\xd9")
            return pack("table", path, dest=f"{Path(path).parent}/out", dry_run=True, workers=1)

        return _on_file(data, name, dry)

    return read


def _parquets() -> list[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.table({"path": ["a.jpg", "b.jpg"], "label": [0, 1]}), out)
    return [out.getvalue()]


def _captions(data: bytes) -> object:
    from wds_imagenet.labels.captions import captions

    return _on_file(data, "captions.json", lambda path: captions(path).find("n01440764_1"))


_OBJECT = (ValueError,)
_CAPTIONS: Final = b'[{"filename": "n01440764_1.JPEG", "wnid": "n01440764", "title": "x"}]'
_SOLUTION: Final = b"ImageId,PredictionString\nILSVRC2012_val_00000001,n01440764 1 2 3 4 \n"
_TEXT: Final = (
    b"ImageId,PredictionString\nILSVRC2012_val_00000001,1 2 3 4 5\nILSVRC2012_val_00000002,6 7 8 9 10\n"
)

TARGETS: Final = {
    target.name: target
    for target in (
        Target("tar: samples", _samples, shards),
        Target("tar: members", _walk, shards),
        Target("tar: listing", _archive, lambda: [*shards(), _tar({"n01440764.tar": shards()[0]})]),
        Target("tar: foreign shard", _foreign_shard, shards),
        Target("manifest", _manifest, _packed("manifest.json")),
        Target("receipt", _receipt, _packed(".tar.json")),
        Target("plan", _plan, _packed(".wds-imagenet/plan.json")),
        Target("layer plan", _layer_plan, _packed("lab/plan.json")),
        Target("JSON", _json, _packed(".json"), _OBJECT),
        Target("JSON: stream", _entries, lambda: [b'[{"a": "\\ud800", "b": [1, 2.5e3, null]}, {}]'], _OBJECT),
        Target("JSON: captions", _captions, lambda: [_CAPTIONS]),
        Target("saved state", _state, _states, _OBJECT),
        Target("XML", _voc, lambda: [_VOC], _OBJECT),
        Target("mat", _mat, _mats, _OBJECT),
        Target("npz", _npz, lambda: _arrays(zipped=True)),
        Target("npy", _npy, lambda: _arrays(zipped=False)),
        Target("torch.save", _tensors, _saved),
        Target("class names", _class_rows, lambda: [*_CLASS_LISTS], _OBJECT),
        Target("Python literal", _literal, lambda: [_CLASS_LISTS[4]], _OBJECT),
        Target("compression", _unpack, _compressed, _OBJECT),
        Target("CSV: predictions", _predictions("read_csv"), lambda: [_TEXT, b"key,labels\na,1 2\n"]),
        Target(
            "JSON: predictions", _predictions("read_jsonl"), lambda: [b'{"key": "a", "labels": [1, 2]}\n']
        ),
        Target("submission", _submission, lambda: [b"1 2 3 4 5\n6 7 8 9 10\n", b"1 0 0 9 9 2 1 1 5 5\n"]),
        Target("CSV: solution", _solution, lambda: [_SOLUTION]),
        Target("CSV: table", _table("x.csv"), lambda: [b"path,label\na.jpg,0\nb.jpg,1\n"]),
        Target("Parquet: table", _table("x.parquet"), _parquets),
        Target("URL", _url, lambda: [*_URLS]),
        Target("image header", _probe, _images),
        Target("image", _decode, _images),
    )
}
