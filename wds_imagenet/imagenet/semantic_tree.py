"""The semantic tree of ImageNet-21K-P: the parents of each class.

Format: `imagenet21k_miil_tree.pth`, one file a release, is a dict that `torch.save` wrote.
`class_description` has the names by WNID, in the order of the labels. `class_tree_list` has for each label a
list of labels: the class itself, its parent, the parent's parent, up to the root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.small_files import read_file
from wds_imagenet.inputs.torch_save import load_tensors
from wds_imagenet.storage.store import StorageOptions


@dataclass(frozen=True, slots=True)
class SemanticTree:
    """The names and parents of the classes, by label."""

    names: tuple[str, ...]
    parents: tuple[tuple[int, ...], ...]
    """The labels of each class's ancestors, the nearest first and the root last; empty for a root."""


def read_tree(url: str, wnids: Sequence[str], options: StorageOptions) -> SemanticTree:
    """Return the semantic tree in a file. No code of the file is run.

    Args:
        url: the file.
        wnids: the classes by label, which must be those of the file.
        options: storage options.

    Raises:
        SourceError: the file is not a tree of these classes; the message gives the class.
        MissingExtraError: PyTorch is not installed.
    """
    value = load_tensors(read_file(url, options), url)
    try:
        return _parse(value, wnids)
    except ValueError as error:
        raise SourceError(
            f"{url} is not the semantic tree of these {len(wnids):,} classes: {error}"
        ) from error


def _parse(value: object, wnids: Sequence[str]) -> SemanticTree:
    if not isinstance(value, Mapping):
        raise ValueError(f"it holds a {type(value).__name__}, not a dict")  # noqa: TRY004 - bad data
    names, paths = value.get("class_description"), value.get("class_tree_list")
    if not isinstance(names, Mapping) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError("its class_description is not a dict of texts")
    if list(names) != list(wnids):
        raise ValueError(
            f"its class_description has {len(names):,} classes, but other ones or in another order"
        )
    if not isinstance(paths, list) or len(paths) != len(wnids):
        raise ValueError(f"its class_tree_list is not a list of {len(wnids):,} paths")
    for label, path in enumerate(paths):
        if not isinstance(path, list) or not all(type(item) is int for item in path) or path[:1] != [label]:
            raise ValueError(
                f"the path of class {label} is {path!r:.60}, not a list of labels that begins with {label}"
            )
        if not all(0 <= item < len(wnids) for item in path) or len(set(path)) < len(path):
            raise ValueError(f"the path of class {label}, {path!r:.60}, has a label twice or out of range")
    return SemanticTree(tuple(names.values()), tuple(tuple(path[1:]) for path in paths))
