"""Ctrl-C while the command line and its workers start gives one line, and no traceback."""

import subprocess
import sys

import pytest

from wds_imagenet import cli
from wds_imagenet.cli import commands

SERVER = """
import signal
from multiprocessing import forkserver
from pathlib import Path
from wds_imagenet.packing.engines.local import LocalEngine
LocalEngine(2).warm_up()
status = Path(f"/proc/{forkserver._forkserver._forkserver_pid}/status").read_text()
blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
print(bool(blocked >> (signal.SIGINT - 1) & 1), signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_server_of_workers_never_gets_ctrl_c_and_the_parent_still_does():
    done = subprocess.run([sys.executable, "-c", SERVER], capture_output=True, text=True, check=True)
    assert done.stdout == "True set()\n"


@pytest.mark.parametrize("wrapped", [False, True])
def test_ctrl_c_during_the_imports_gives_one_line(monkeypatch, capsys, wrapped):
    def interrupt():
        if wrapped:
            raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run", interrupt)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "interrupted\n")


def test_another_error_keeps_its_traceback(monkeypatch):
    def fail():
        raise RuntimeError("another")

    monkeypatch.setattr(commands, "run", fail)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(RuntimeError, match="another"):
        cli.main()
