"""The public surface: every name, verb, option, error and exit code is exported, documented and in one place.

The lists in `docs/api.md` and `docs/cli.md` are rendered from the code. Write them anew with
`python tests/test_surface.py`.
"""

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from PIL import Image
from setuptools.config.expand import read_attr

import wds_imagenet
from wds_imagenet import errors
from wds_imagenet.cli.commands import VERBS, commands
from wds_imagenet.cli.exit_codes import MEANINGS, ExitCode, exit_code
from wds_imagenet.cli.pack import pack as pack_group
from wds_imagenet.errors import WdsImagenetError

ROOT = Path(__file__).parents[1]
API, CLI = ROOT / "docs" / "api.md", ROOT / "docs" / "cli.md"
BEGIN, END = "<!-- rendered by tests/test_surface.py -->\n", "<!-- end -->"
GROUPS = {
    "Write data sets": [
        "pack",
        "PackReport",
        "PackProgress",
        "add_layer",
        "LayerReport",
        "index",
        "IndexReport",
        "IndexProgress",
        "verify",
        "repair",
        "RepairAction",
        "RepairReport",
        "VerifyReport",
        "VerifyProgress",
    ],
    "Read data sets": ["Dataset", "Sample", "Loader", "Batch", "Stats"],
    "Transforms": [
        "RandomResizedCrop",
        "ResizeCenterCrop",
        "Decode",
        "Transform",
        "DecodedSample",
        "decode_image",
    ],
    "Score predictions": ["evaluate", "EvaluationReport", "Score", "Predictions"],
}
SECTIONS = {"Args:": "Arguments", "Attributes:": "Attributes", "Raises:": "Errors", "Returns:": "Result"}


def error_classes():
    """Return the classes of errors.py, in its order."""
    return [item for item in vars(errors).values() if isinstance(item, type)]


def signature(name, item):
    """Return a call with all argument names and defaults, without types."""
    try:
        parameters = inspect.signature(item).parameters.values()
    except (TypeError, ValueError):  # a union of types, or a type without one
        return name
    bare = [parameter.replace(annotation=parameter.empty) for parameter in parameters]
    return f"{name}{inspect.Signature([p for p in bare if p.name != 'self'])}"


def markdown(docstring):
    """Return a docstring in Markdown: its sections become lists."""
    out = []
    in_section = False
    for line in inspect.cleandoc(docstring).splitlines():
        if line in SECTIONS:
            in_section = True
            out += [f"{SECTIONS[line]}:", ""]
        elif in_section and re.match(r" {4}\S", line):
            name, colon, text = line.strip().partition(":")
            out.append(f"- `{name}`:{text}" if colon else f"- {name}")
        elif in_section and line.strip():
            out[-1] += f" {line.strip()}"
        elif re.fullmatch(r"\w+::", line):
            out.append(line.removesuffix(":"))
        else:
            in_section = in_section and not line
            out.append(line)
    return "\n".join(out)


def members(item):
    """Yield the public attributes, properties and methods of a class, each with its first sentence."""
    body = ast.parse(inspect.getsource(item)).body[0].body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and not node.target.id.startswith("_"):
            text = after.value.value if isinstance(after, ast.Expr) else ""
            if text or "Attributes:" not in item.__doc__:
                yield node.target.id, inspect.cleandoc(text)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            attribute = inspect.getattr_static(item, node.name)
            is_method = inspect.isfunction(attribute) or isinstance(attribute, classmethod | staticmethod)
            call = signature(node.name, getattr(item, node.name)) if is_method else node.name
            yield call, ast.get_docstring(node) or ""


def api_lists():
    """Return the rendered part of docs/api.md."""
    out = []
    for title, names in GROUPS.items():
        out += [f"## {title}", ""]
        for name in names:
            item = getattr(wds_imagenet, name)
            out += [f"### `{name}`", ""]
            if not getattr(item, "_is_protocol", False):
                out += ["```text", signature(name, item), "```", ""]
            out += [markdown(item.__doc__), ""]
            if isinstance(item, type):
                listed = [
                    f"- `{call}`: {' '.join(text.split(chr(10) * 2)[0].split())}"
                    for call, text in members(item)
                ]
                out += ["Members:", "", *[line.removesuffix(": ") for line in listed], ""] if listed else []
    out += ["## Errors", "", "| error | base | raised when | exit code |", "| --- | --- | --- | --- |"]
    for item in error_classes():
        bases = ", ".join(f"`{base.__name__}`" for base in item.__bases__)
        meaning = " ".join(item.__doc__.split("\n\n")[0].split())
        out.append(f"| `{item.__name__}` | {bases} | {meaning} | {exit_code(item('')).value} |")
    return "\n".join(out) + "\n"


def options_of(command):
    """Return the row of each option of a command."""
    rows = []
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            flags = " / ".join(f"`{flag}`" for flag in [*parameter.opts, *parameter.secondary_opts])
            value = "" if parameter.is_flag else f" {value_of(parameter)}"
            text = [parameter.help or ""]
            if isinstance(parameter.show_default, str):
                text.append(f"Default: `{parameter.show_default}`.")
            elif parameter.show_default:
                text.append(f"Default: `{parameter.default}`.")
            rows.append(f"| {flags}{value} | {' '.join(text).replace('|', chr(92) + '|')} |")
    return rows


def value_of(option):
    if isinstance(option.type, click.Choice):
        return " or ".join(f"`{choice}`" for choice in option.type.choices)
    return option.metavar or option.type.name.removesuffix(" range").upper().replace("TEXT", "VALUE")


def table(rows):
    return ["| option | meaning |", "| --- | --- |", *rows, ""] if rows else []


def usage(name, command):
    words = [parameter.make_metavar(click.Context(command)) for parameter in command.params]
    kinds = [isinstance(parameter, click.Argument) for parameter in command.params]
    arguments = [word for word, is_argument in zip(words, kinds, strict=True) if is_argument]
    return f"wds-imagenet {' '.join([name, '[OPTIONS]', *arguments])}"


def described(name, command, rows, level="##"):
    text = inspect.cleandoc(command.help or "")
    return [f"{level} `{name}`", "", "```text", usage(name, command), "```", "", text, "", *table(rows)]


def verb(name):
    return commands.get_command(click.Context(commands), name)


def sources():
    """Return the subcommand of each source."""
    context = click.Context(pack_group)
    return {name: pack_group.get_command(context, name) for name in pack_group.list_commands(context)}


def cli_lists():
    """Return the rendered part of docs/cli.md."""
    out = ["## Options before the command", "", *table(options_of(commands))]
    rows = {name: options_of(command) for name, command in sources().items()}
    common = set.intersection(*map(set, rows.values()))
    first = next(iter(rows.values()))
    out += ["## `pack`", "", "```text", "wds-imagenet pack SOURCE [OPTIONS] INPUT DEST", "```", ""]
    out += [inspect.cleandoc(pack_group.help), "", "Every source has these options:", ""]
    out += table([row for row in first if row in common])
    for name, command in sources().items():
        own = [row for row in rows[name] if row not in common]
        out += described(f"pack {name}", command, own, "###")
    for name in VERBS:
        if name != "pack":
            out += described(name, verb(name), options_of(verb(name)))
    return "\n".join(out).rstrip() + "\n"


def split(page):
    """Return the parts of a page before, within and after its rendered lists."""
    before, _, rest = page.read_text().partition(BEGIN)
    within, _, after = rest.partition(END)
    return before, within, after


def write_pages():
    for page, lists in ((API, api_lists()), (CLI, cli_lists())):
        before, _, after = split(page)
        page.write_text(f"{before}{BEGIN}\n{lists}\n{END}{after}")


@pytest.mark.parametrize(("page", "lists"), [(API, api_lists), (CLI, cli_lists)], ids=["api", "cli"])
def test_the_lists_of_a_page_are_those_of_the_code(page, lists):
    assert split(page)[1].strip() == lists().strip(), "write the page anew: python tests/test_surface.py"


def test_every_public_name_is_documented():
    errors_at_the_top = {item.__name__ for item in error_classes()}
    grouped = {name for names in GROUPS.values() for name in names}
    assert {*wds_imagenet.__all__} == grouped | errors_at_the_top | {"errors"}
    assert [name for name in wds_imagenet.__all__ if f"`{name}`" not in API.read_text()] == []
    documented = wds_imagenet.__doc__
    assert [
        name
        for name in grouped
        if f"`{name}`" not in documented and not name.endswith(("Report", "Score", "Progress", "Action"))
    ] == []


def test_every_verb_option_and_exit_code_is_documented():
    text = CLI.read_text()
    every = [*map(verb, VERBS), commands, *sources().values()]
    flags = {
        flag
        for command in every
        for option in command.params
        for flag in [*option.opts, *option.secondary_opts]
    }
    assert [flag for flag in sorted(flags) if flag.startswith("-") and f"`{flag}`" not in text] == []
    assert [name for name in VERBS if f"## `{name}`" not in text] == []
    assert all(f"\n| {code.value} | {meaning}" in text for code, meaning in MEANINGS.items())
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize("error", error_classes(), ids=lambda error: error.__name__)
def test_every_error_stands_at_the_top_and_has_an_exit_code(error):
    assert getattr(wds_imagenet, error.__name__) is error
    assert issubclass(error, WdsImagenetError)
    expected = 2 if issubclass(error, errors.UsageError) else 3 if issubclass(error, errors.DataError) else 1
    assert exit_code(error("")) == expected


def test_the_names_that_are_imported_late_are_those_that_type_checkers_see():
    (block,) = (node for node in ast.parse(inspect.getsource(wds_imagenet)).body if isinstance(node, ast.If))
    seen = {
        (alias.asname or alias.name): node.module.removeprefix("wds_imagenet.")
        for node in block.body
        for alias in node.names
    }
    assert seen == {name: home.partition(":")[0] for name, home in wds_imagenet._MODULES.items()}
    assert list(wds_imagenet.__all__) == sorted(wds_imagenet.__all__)
    assert set(wds_imagenet.__all__) <= set(dir(wds_imagenet))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        wds_imagenet.nothing  # noqa: B018 - the access is the test


def test_the_example_of_the_package_runs(tmp_path, monkeypatch):
    for number in range(8):
        path = tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), (number * 30, 0, 0)).save(path)
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^    (?:>>>|\.\.\.) (.*)$", wds_imagenet.__doc__, re.MULTILINE)
    names = {}
    exec(compile("\n".join(lines), "help(wds_imagenet)", "exec"), names)  # noqa: S102 - our own words
    assert names["report"].samples == 8
    assert tuple(names["images"].shape) == (4, 3, 224, 224)


def test_the_version_has_one_place():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    attribute = project["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert read_attr(attribute, root_dir=ROOT) == wds_imagenet.__version__
    assert importlib.metadata.version("wds-imagenet") == wds_imagenet.__version__


def test_the_version_needs_no_installation(tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import wds_imagenet; print(wds_imagenet.__version__)"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.strip() == wds_imagenet.__version__


if __name__ == "__main__":
    write_pages()
