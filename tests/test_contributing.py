"""The commands and files of CONTRIBUTING.md and SECURITY.md exist, and CI fails on unseen skips."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PATH = re.compile(r"`((?:tests|wds_imagenet|benchmarks|bin|docs|\.github)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page):
    targets = PATH.findall(page.read_text())
    assert targets
    for target in targets:
        assert (ROOT / target).exists() or "NAME" in target, target


def test_every_command_names_a_program_and_tests_that_exist():
    blocks = re.findall(r"```console\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    commands = [line[2:] for block in blocks for line in block.splitlines()]
    assert commands
    for command in commands:
        words = [word for word in shlex.split(command) if "=" not in word]
        if words[0].startswith("bin/"):
            assert (ROOT / words[0]).stat().st_mode & 0o100, command
        for word in words[1:]:
            assert (ROOT / word).exists() or not word.startswith("tests/"), command


def test_the_workflow_and_the_hooks_run_what_bin_test_runs():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "run: bin/test --no-unseen-skips" in workflow
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    for tool in ("ruff check", "ruff format", "mypy"):
        assert f".venv/bin/{tool}" in hooks
        assert f".venv/bin/{tool}" in (ROOT / "bin" / "test").read_text()
