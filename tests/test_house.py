"""The house: which room may know which, read from the imports themselves."""

import ast
import importlib
import re
from pathlib import Path

import pytest

import wds_imagenet

ROOT = Path(wds_imagenet.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Each room, and the rooms that it may import. `base` is what lies beside the rooms.
MAY_KNOW = {
    "base": set(),
    "format": {"base"},
    "images": {"base"},
    "storage": {"base"},
    "labels": {"base", "format", "storage", "sources"},
    "sources": {"base", "format", "storage", "labels"},
    "packing": {"base", "format", "images", "storage", "sources", "labels"},
    "reading": {"base", "format", "images", "storage"},
    "evaluation": {"base", "format", "storage", "labels", "sources", "reading"},
    "view": {"base", "format", "images", "storage", "reading"},
    "demo": {"base", "format", "images", "storage", "sources", "packing", "reading"},
    "cli": {"base", "format", "images", "storage", "sources", "labels", "packing", "reading", "demo"}
    | {"evaluation", "view"},
    "front": {"base", "images", "packing", "reading", "cli"},
}
FRONT = {"__init__.py", "__main__.py", "torch.py"}

# What is imported in few places, so that it is lazy, replaceable, or safe.
ONLY_IN = {
    "torch": {"reading/batches.py", "reading/torch.py", "reading/shared.py"}
    | {"demo/training.py", "labels/tensors.py"},
    "fsspec": {"storage"},
    "s3fs": {"storage"},
    "obstore": {"storage"},
    "botocore": {"storage"},
    "aiohttp": {"storage/download.py"},
    "sqlite3": {"sources/ledger.py", "labels/records.py"},
    "pyarrow": {"sources/parquet.py"},
    "simplejpeg": {"images"},
    "PIL": {"images", "demo/pictures.py", "view/thumbnail.py"},
    "jinja2": {"view/pages.py"},
    "http": {"demo/server.py", "view/server.py"},
    "click": {"cli"},
    "tqdm": {"cli"},
    "multiprocessing": {"packing/engines/local.py", "reading/child.py", "reading/process.py"},
    "concurrent": {"ahead.py", "packing/engines/local.py", "reading/threads.py", "storage/waiting.py"},
    "subprocess": {"demo/server.py"},
    "pickle": set(),
    "marshal": set(),
    "shelve": set(),
    "tarfile": set(),
}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def room_of(name):
    first, slash, _ = name.partition("/")
    if slash:
        return first
    return "front" if name in FRONT else "base"


def imports(path):
    """Yield every module that a file imports, late imports and those for types included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_knows_only_those_below_it(path):
    room = room_of(name_of(path))
    for module in imports(path):
        parts = module.split(".")
        if parts[0] != "wds_imagenet" or len(parts) < 2 or parts[1].startswith("__"):
            continue
        known = parts[1] if (ROOT / parts[1]).is_dir() else "base"
        assert known == room or known in MAY_KNOW[room], f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_is_heavy_or_dangerous_is_imported_where_it_belongs(path):
    name = name_of(path)
    for module in imports(path):
        allowed = ONLY_IN.get(module.partition(".")[0])
        if allowed is not None and not (name == "torch.py" and module == "torch"):
            assert name in allowed or room_of(name) in allowed, f"{name} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_file_grows_past_three_hundred_lines(path):
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_evaluated_unpickled_or_given_to_a_shell(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert called not in {"system", "popen"}
            assert getattr(node.func, "id", "") not in {"eval", "exec"}
            assert not any(k.arg in {"shell", "allow_pickle"} for k in node.keywords)


def test_every_public_name_exists_and_has_a_docstring():
    for name in wds_imagenet.__all__:
        assert getattr(wds_imagenet, name).__doc__, name


def test_importing_the_package_imports_nothing_heavy():
    import subprocess
    import sys

    program = (
        "import sys, wds_imagenet, wds_imagenet.cli.commands; "
        "print([m for m in ('torch', 'numpy', 'PIL', 'fsspec', 'obstore', 'tqdm') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("room", sorted({p.parent for p in FILES} - {ROOT}), ids=lambda p: p.name)
def test_the_map_of_a_room_names_each_of_its_files(room):
    relative = room.relative_to(ROOT).as_posix().replace("/", ".")
    text = importlib.import_module(f"wds_imagenet.{relative}").__doc__
    for path in room.glob("*.py"):
        assert path.name == "__init__.py" or re.search(rf"\b{path.stem}\b", text), path.name
