"""The house: one test for each rule of docs/architecture.md, read from the imports themselves."""

import ast
import importlib
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import wds_imagenet

ROOT = Path(wds_imagenet.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
NATIVE = sorted([*ROOT.rglob("*.c"), *ROOT.rglob("*.h")])
MOST_FILES, MOST_LINES = 20, 300

# Each room, and the rooms that it may import. `front` is the public surface, and `__main__` runs `cli`.
MAY_IMPORT = {
    "shown": set(),
    "errors": {"shown"},
    "util": {"errors"},
    "sample": {"errors", "util"},
    "format": {"errors", "util", "sample"},
    "images": {"errors", "util"},
    "storage": {"errors", "util"},
    "inputs": {"errors", "util", "sample", "format", "storage"},
    "imagenet": {"errors", "util", "sample", "format", "storage", "inputs"},
    "labels": {"errors", "util", "sample", "format", "storage", "inputs", "imagenet"},
    "sources": {"errors", "util", "sample", "format", "storage", "inputs", "imagenet"},
    "packing": {"errors", "util", "sample", "format", "images", "storage", "inputs", "sources", "labels"},
    "indexing": {"errors", "util", "sample", "format", "storage", "inputs", "reading"},
    "reading": {"errors", "util", "sample", "format", "images", "storage"},
    "repairing": {
        "errors",
        "util",
        "sample",
        "format",
        "storage",
        "inputs",
        "packing",
        "reading",
        "indexing",
    },
    "evaluation": {
        "errors",
        "util",
        "sample",
        "format",
        "storage",
        "inputs",
        "imagenet",
        "labels",
        "sources",
        "reading",
    },
    "view": {"errors", "util", "sample", "format", "images", "storage", "reading"},
}
MAY_IMPORT["front"] = {
    "errors",
    "sample",
    "images",
    "packing",
    "reading",
    "indexing",
    "evaluation",
    "repairing",
}
MAY_IMPORT["demo"] = {"errors", "util", "packing", "reading", "front"}
MAY_IMPORT["cli"] = {*MAY_IMPORT}
for _room in MAY_IMPORT.keys() - {"shown"}:
    MAY_IMPORT[_room].add("shown")
FRONT = {"__init__.py", "torch.py"}

# Modules that are imported in few places only, so that they stay lazy, replaceable or safe.
ONLY_IN = {
    "torch": {
        "reading/tensors.py",
        "reading/torch.py",
        "reading/passes.py",
        "reading/batches/seeded.py",
        "reading/batches/batch.py",
        "torch.py",
    }
    | {"reading/subprocess/shared_memory.py", "demo/training.py", "inputs/torch_save.py"},
    "fsspec": {"storage"},
    "s3fs": {"storage"},
    "obstore": {"storage"},
    "botocore": {"storage"},
    "aiohttp": {"storage/http_download.py", "storage/engines/http_engine.py"},
    "sqlite3": {"inputs/spilled/rows.py", "inputs/spilled/records.py"},
    "pyarrow": {"inputs/parquet.py"},
    "simplejpeg": {"images"},
    "PIL": {"images", "demo/pictures.py", "view/thumbnail.py"},
    "jinja2": {"view/pages.py"},
    "http": {"demo/s3_server.py", "view/server.py", "storage/failures.py"},
    "click": {"cli"},
    "tqdm": {"cli"},
    "multiprocessing": {"packing/engines/local.py", "reading/subprocess", "util/processes.py"},
    "concurrent": {"util/threads.py", "packing/engines/local.py", "storage/event_loop.py"},
    "subprocess": {"demo/s3_server.py"},
    "pickle": set(),
    "marshal": set(),
    "shelve": set(),
    "tarfile": set(),
}


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def room_of(name):
    """Return the room of a file's name, such as `util` of `util/rng.py`, or its own stem."""
    if name in FRONT:
        return "front"
    return "cli" if name == "__main__.py" else name.partition("/")[0].removesuffix(".py")


def imports(path):
    """Yield every module and every name that a file imports, late imports and those for types included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_of(module):
    """Return the file of this package that an imported module or name lies in, None if it is elsewhere."""
    parts = module.split(".")
    for end in (len(parts), len(parts) - 1):
        place = ROOT.parent.joinpath(*parts[:end])
        if place.with_suffix(".py").is_file():
            return place.with_suffix(".py")
        if (place / "__init__.py").is_file():
            return place / "__init__.py"
    return None


def arrows():
    """Yield each file, and a file of this package that it imports."""
    for path in FILES:
        for module in imports(path):
            if module.startswith("wds_imagenet") and (found := file_of(module)) not in {None, path}:
                yield path, found


def circle_in(graph):
    """Return one circle of a graph, from each node to those it needs; an empty list if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def grouped(pairs):
    graph = {}
    for before, after in pairs:
        graph.setdefault(before, set()).add(after)
    return graph


def test_a_room_imports_only_the_rooms_below_it():
    wrong = []
    for path, imported in arrows():
        room, other = room_of(name_of(path)), room_of(name_of(imported))
        if other != room and other not in MAY_IMPORT[room]:
            wrong.append(f"{name_of(path)} imports {name_of(imported)}")
    assert not wrong


def test_arrows_between_rooms_run_one_way():
    assert circle_in(MAY_IMPORT) == []


def test_no_python_file_is_in_an_import_circle():
    assert circle_in(grouped((name_of(a), name_of(b)) for a, b in arrows())) == []


def test_no_c_file_is_in_an_include_circle():
    pairs = []
    for path in NATIVE:
        included = re.findall(r'^#include "(?:\w+/)*(\w+)\.h"', path.read_text(), re.MULTILINE)
        pairs += [(path.stem, other) for other in included if other != path.stem]
    assert circle_in(grouped(pairs)) == []


def test_no_room_has_more_than_twenty_files():
    folders = grouped((path.parent, path) for path in [*FILES, *NATIVE])
    assert {folder: len(files) for folder, files in folders.items() if len(files) > MOST_FILES} == {}


def test_no_file_grows_past_three_hundred_lines():
    lines = {path: len(path.read_text().splitlines()) for path in [*FILES, *NATIVE]}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


def test_heavy_or_dangerous_modules_are_imported_only_where_they_belong():
    wrong = []
    for path in FILES:
        name = name_of(path)
        homes = {name, *(parent.as_posix() for parent in Path(name).parents)}
        strangers = (m for m in imports(path) if not homes & ONLY_IN.get(m.partition(".")[0], homes))
        wrong += [f"{name} imports {module}" for module in strangers]
    assert not wrong


def test_nothing_is_evaluated_unpickled_or_given_to_a_shell():
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if (
                called in {"system", "popen"}
                or getattr(node.func, "id", "") in {"eval", "exec"}
                or any(k.arg in {"shell", "allow_pickle"} for k in node.keywords)
            ):
                wrong.append(f"{name_of(path)}:{node.lineno}")
    assert not wrong


def test_the_map_of_each_room_names_its_files_and_folders():
    missing = []
    for room in sorted({path.parent for path in FILES} - {ROOT}):
        module = importlib.import_module(".".join(room.relative_to(ROOT.parent).parts))
        folders = (path.parent for path in room.glob("*/__init__.py"))
        stems = {path.stem for path in chain(room.glob("*.py"), folders)} - {"__init__"}
        missing += [f"{room}: {stem}" for stem in sorted(stems) if f"`{stem}`" not in (module.__doc__ or "")]
    assert not missing


def test_every_public_name_exists_and_has_a_docstring():
    assert [name for name in wds_imagenet.__all__ if not getattr(wds_imagenet, name).__doc__] == []


def test_importing_the_package_imports_nothing_heavy():
    program = (
        "import sys, wds_imagenet, wds_imagenet.cli.commands; "
        "print([m for m in ('torch', 'numpy', 'PIL', 'fsspec', 'obstore', 'tqdm') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
