"""A test without its real data skips with its promise, and an unseen skip fails a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).with_name("support")
CONFIG = f"""[pytest]
pythonpath = {SUPPORT}
addopts = -p no:cacheprovider --strict-markers
seen_skips =
    needs the real data:
"""
TESTS = {
    "genuine": "@pytest.mark.genuine('water is wet')\ndef test_it(): assert False\n",
    "unseen": "def test_it(): pytest.skip('no reason')\n",
    "passes": "def test_it(): pass\n",
}


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [
        ("genuine", 0, "not tested here: needs the real data: water is wet (test_x.py::test_it)"),
        ("unseen", 1, "UNSEEN: 'no reason' matches no line of `seen_skips` in pyproject.toml"),
        ("passes", 0, "1 passed"),
    ],
)
def test_a_run_ends_with_what_it_did_not_test(tmp_path, name, code, line):
    (tmp_path / "pytest.ini").write_text(CONFIG)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["skip_report"]\n')
    (tmp_path / "test_x.py").write_text(f"import pytest\n{TESTS[name]}")
    command = [sys.executable, "-m", "pytest", "--no-unseen-skips", "test_x.py"]
    environment = {**os.environ, "WDS_IMAGENET_DATA": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert line in done.stdout
    assert done.returncode == code
