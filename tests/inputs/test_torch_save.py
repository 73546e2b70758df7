import contextlib
import io
import os
import pickle
import random
from collections import OrderedDict

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.torch_save import load_tensors

torch = pytest.importorskip("torch")
TREE = {
    "class_tree_list": [[0, 2], [1, 2], [2]],
    "class_description": OrderedDict([("n00000001", "cat"), ("n00000002", "dog"), ("n00000003", "animal")]),
}


def saved(value, *, zipped=True):
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=zipped)
    return out.getvalue()


@pytest.mark.parametrize("zipped", [True, False])
def test_dicts_lists_and_texts_are_read_in_both_formats(zipped):
    assert load_tensors(saved(TREE, zipped=zipped), "x.pth") == TREE


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64"])
def test_a_tensor_is_read(dtype):
    tensor = torch.arange(2 * 5 * 15 * 15).reshape(2, 5, 15, 15).to(getattr(torch, dtype))
    assert torch.equal(load_tensors(saved(tensor), "x.pt"), tensor)


class Hostile:
    """Opens a file for writing when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


class Blocked:
    """Calls a function of a module that PyTorch rejects with another message."""

    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_the_file_is_run(tmp_path, zipped):
    victim = tmp_path / "victim"
    data = saved({"class_tree_list": Hostile(str(victim))}, zipped=zipped)
    with pytest.raises(
        SourceError, match=r"x\.pth holds .*open, which is neither a tensor nor a plain value"
    ):
        load_tensors(data, "x.pth")
    assert not victim.exists()


@pytest.mark.parametrize(
    "data", [b"", b"<html>404</html>", saved(TREE)[:300], saved(TREE, zipped=False)[:-9]]
)
def test_damaged_and_other_files_are_errors(data):
    with pytest.raises(SourceError, match=r"x\.pth"):
        load_tensors(data, "x.pth")


@pytest.mark.filterwarnings("ignore")  # of the protocol
@pytest.mark.parametrize("data", [pickle.dumps({"a": 1}), pickle.dumps(Hostile("x")), saved(Blocked())])
def test_no_error_advises_to_run_the_file(data):
    with pytest.raises(SourceError) as caught:
        load_tensors(data, "x.pth")
    assert "weights_only" not in str(caught.value)


@pytest.mark.filterwarnings("ignore")  # of a byte order or protocol that a flipped bit declares
@pytest.mark.parametrize("zipped", [True, False])
def test_flipped_bits_end_in_an_error_of_ours_or_a_value(zipped):
    draw = random.Random(0)
    for _ in range(300):
        data = bytearray(saved(TREE, zipped=zipped))
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        with contextlib.suppress(SourceError):  # any other error fails the test
            load_tensors(bytes(data), "x.pth")


def test_without_pytorch_the_extra_is_named(monkeypatch):
    import sys

    from wds_imagenet.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"x\.pth.*wds-imagenet\[torch\]"):
        load_tensors(b"", "x.pth")
