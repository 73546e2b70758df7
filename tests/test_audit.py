"""The audit hook of the test run finds a planted evaluation, unpickling or shell; the allowed calls pass."""

import subprocess
import sys
from pathlib import Path

import pytest
from audit_hook import CODE_ALLOWED, PICKLE_ALLOWED, ROOT, TESTS, judge, take_violations

PLANTED = {
    "eval": ("eval('1 + 1')", "exec called by"),
    "exec": ("exec('a = 1')", "exec called by"),
    "compile": ("compile('1', 'x', 'eval')", "compile called by"),
    "pickle": ("import pickle; pickle.loads(b'cbuiltins\\nlen\\n.')", "pickle.find_class called by"),
    "marshal": ("import marshal; marshal.loads(marshal.dumps(1))", "marshal.loads called by"),
    "system": ("import os; os.system('true')", "os.system called by"),
    "shell": ("import subprocess; subprocess.run('true', shell=True, check=True)", "starts sh"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_call_is_found(name: str) -> None:
    program, fault = PLANTED[name]
    planted = compile(program, f"{ROOT}planted.py", "exec")
    assert take_violations() == []
    exec(planted, {})  # noqa: S102 - it is the plant
    found = take_violations()
    assert found
    assert all("planted.py" in one for one in found)
    assert any(fault in one for one in found)


def test_what_a_test_or_another_program_does_is_no_violation() -> None:
    eval("1 + 1")  # noqa: S307 - of this test
    subprocess.run("true", shell=True, check=True)  # noqa: S602 - the same
    assert take_violations() == []
    assert judge("exec", (), ["/lib/python/site-packages/other.py"]) == ""
    assert judge("exec", (), [f"{TESTS}test_x.py", f"{ROOT}a.py"]) == ""


def test_a_library_that_our_code_calls_is_judged_as_our_code() -> None:
    assert judge("exec", (), ["/lib/helpful.py", f"{ROOT}a.py"])
    assert judge("pickle.find_class", (), ["/lib/numpy.py", "/lib/x.py", f"{ROOT}inputs/mat.py"])
    assert not judge("exec", (), ["<frozen importlib._bootstrap>", f"{ROOT}a.py"])
    assert judge("exec", (), [f"{ROOT}multiprocessing/a.py"]), (
        "an allowed name in our own tree is not allowed"
    )
    assert judge("pickle.find_class", (), ["/lib/torch/serialization.py", f"{ROOT}inputs/torch_save.py"])
    assert not judge("pickle.find_class", (), ["/lib/multiprocessing/queues.py", f"{ROOT}a.py"])
    assert all({**CODE_ALLOWED, **PICKLE_ALLOWED}.values())


def test_a_plant_fails_the_run(tmp_path: Path) -> None:
    test = tmp_path / "test_plant.py"
    test.write_text(
        f"def test_plant():\n    exec(compile('eval(\"1\")', {ROOT + 'planted.py'!r}, 'exec'), {{}})\n"
    )
    program = [sys.executable, "-m", "pytest", "-q", "-p", "audit_hook", "-p", "no:cacheprovider", str(test)]
    support = Path(TESTS) / "support"
    done = subprocess.run(
        program, capture_output=True, text=True, cwd=tmp_path, env={"PYTHONPATH": str(support)}, check=False
    )
    assert done.returncode == 1
    assert "forbidden calls of wds_imagenet" in done.stdout
