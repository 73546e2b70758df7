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


def test_ctrl_c_before_the_first_command_gives_one_line(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "run", interrupt)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "interrupted\n")
