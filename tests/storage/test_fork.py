"""A child forked from a process that used obstore reads by fsspec, and does not hang."""

import subprocess
import sys

PROGRAM = """
import os, signal, sys
from wds_imagenet.storage import open_store
used = open_store(sys.argv[1])
used.put("a", b"from the parent")
if sys.argv[2] == "both":
    open_store(sys.argv[1], {"engine": "fsspec"}).info("a")
child = os.fork()
if not child:
    signal.alarm(20)
    fresh = open_store(sys.argv[1])
    fresh.put("b", b"from the child")
    good = used.read("a").data == b"from the parent" and fresh.read("b", 5).data == b"the child"
    os._exit(0 if good else 1)
_, status = os.waitpid(child, 0)
assert used.read("b").data == b"from the child"
sys.exit(os.waitstatus_to_exitcode(status))
"""


def fork(url: str, engines: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, url, engines],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_forked_child_uses_the_store_of_its_parent(s3_url: str) -> None:
    fork(s3_url, "obstore")


def test_a_forked_child_of_a_parent_that_used_both_engines_works(s3_url: str) -> None:
    fork(s3_url, "both")
