import io
from collections import OrderedDict

import pytest

from wds_imagenet.errors import SourceError
from wds_imagenet.imagenet.semantic_tree import SemanticTree, read_tree

torch = pytest.importorskip("torch")
WNIDS = ("n00000001", "n00000002", "n00000003", "n00000004")
NAMES = OrderedDict(zip(WNIDS, ["cat", "lion", "animal", "cat"], strict=True))
PATHS = [[0, 2], [1, 0, 2], [2], [3]]


@pytest.fixture
def read(tmp_path):
    def write_and_read(value, wnids=WNIDS):
        out = io.BytesIO()
        torch.save(value, out)
        (tmp_path / "tree.pth").write_bytes(out.getvalue())
        return read_tree(str(tmp_path / "tree.pth"), wnids, {})

    return write_and_read


@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_parents_are_those_of_the_published_layout(read, kind):
    found = read({"class_tree_list": PATHS, "class_description": kind(NAMES), "more": 1})
    assert found == SemanticTree(("cat", "lion", "animal", "cat"), ((2,), (0, 2), (), ()))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([PATHS, NAMES], "holds a list, not a dict"),
        ({"class_tree_list": PATHS}, "class_description is not a dict"),
        ({"class_tree_list": PATHS, "class_description": {"n00000001": 1}}, "not a dict of texts"),
        ({"class_tree_list": PATHS, "class_description": dict(reversed(NAMES.items()))}, "another order"),
        (
            {"class_tree_list": PATHS, "class_description": {**NAMES, "n9": "x"}},
            "has 5 classes, but other ones or",
        ),
        ({"class_tree_list": PATHS[:3], "class_description": NAMES}, "is not a list of 4 paths"),
        ({"class_tree_list": [[1], *PATHS[1:]], "class_description": NAMES}, r"class 0 is \[1\], not a list"),
        ({"class_tree_list": [[], *PATHS[1:]], "class_description": NAMES}, r"class 0 is \[\], not a list"),
        ({"class_tree_list": [[0, 4], *PATHS[1:]], "class_description": NAMES}, "class 0, .*out of range"),
        ({"class_tree_list": [[0, -1], *PATHS[1:]], "class_description": NAMES}, "class 0, .*out of range"),
        ({"class_tree_list": [[0, 2, 0], *PATHS[1:]], "class_description": NAMES}, "class 0, .*twice"),
        ({"class_tree_list": [[0, 1.5], *PATHS[1:]], "class_description": NAMES}, "class 0 is .*not a list"),
        ({"class_tree_list": [[False], *PATHS[1:]], "class_description": NAMES}, "class 0 is .*not a list"),
    ],
)
def test_a_tree_that_is_not_of_these_classes_is_refused(read, value, message):
    with pytest.raises(
        SourceError, match=rf"tree\.pth is not the semantic tree of these 4 classes: .*{message}"
    ):
        read(value)
