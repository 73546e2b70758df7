"""Run a real S3 server on this machine: one process of SeaweedFS."""

import http.client
import json
import os
import random
import secrets
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wds_imagenet.errors import MissingExtraError, StoreError

_START_SECONDS: Final = 30.0
"""Longest time to start; one or two seconds are usual."""
_TRIES: Final = 3
_GRPC_OFFSET: Final = 10_000
"""SeaweedFS serves gRPC at each of its ports plus this offset."""


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server and its only key."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    filer: str
    """Host and port of the HTTP interface of SeaweedFS, which needs no key."""

    def environment(self) -> dict[str, str]:
        """Return the environment variables that lead every S3 client to this server."""
        no_proxy = [os.environ.get("NO_PROXY", ""), "127.0.0.1"]
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "NO_PROXY": ",".join(filter(None, no_proxy)),
        }

    def make_bucket(self, name: str) -> None:
        """Make a bucket unless it exists. Raises `StoreError`."""
        status = _status(self.filer, "POST", f"/buckets/{name}/")
        if status not in {http.client.CREATED, http.client.CONFLICT}:
            raise StoreError(f"{self.endpoint}: the bucket {name} could not be made (HTTP status {status})")


@contextmanager
def serve(folder: Path | None = None) -> Iterator[S3Server]:
    """Run a server on free ports of 127.0.0.1, with a new key, within a `with`.

    Starts in a second or two. The server ends with this process, however the process ends.

    Args:
        folder: Folder of its data; None removes the data at the end.

    Raises:
        MissingExtraError: SeaweedFS is not installed.
        StoreError: The server does not start; the message has the end of its log.
    """
    weed = find_weed()
    with tempfile.TemporaryDirectory(prefix="weed-", ignore_cleanup_errors=True) as scratch:
        home = Path(scratch)
        data = home / "data" if folder is None else folder
        data.mkdir(parents=True, exist_ok=True)
        process, server, ports = _start(weed, home, data)
        try:
            yield server
        finally:
            _stop(process, ports, gently=folder is not None)


def find_weed() -> Path:
    """Return the program of SeaweedFS: the one installed beside this Python, or one on the PATH."""
    found = shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")
    if found is None:
        raise MissingExtraError.of("demo", "running an S3 server on this machine")
    return Path(found)


def _start(weed: Path, home: Path, data: Path) -> tuple[subprocess.Popen[bytes], S3Server, dict[str, int]]:
    log = home / "log"
    for _ in range(_TRIES):  # another program may take a port between the check and the start
        ports = _free_ports()
        endpoint, filer = f"http://127.0.0.1:{ports['s3']}", f"127.0.0.1:{ports['filer']}"
        server = S3Server(endpoint, secrets.token_hex(10), secrets.token_hex(20), filer)
        keys = home / "keys.json"
        keys.write_text(json.dumps(_identities(server)))
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                _command(weed, data, keys, ports),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # Ctrl-C must reach this process alone
            )
        try:
            if _becomes_ready(process, server):
                return process, server, ports
        except BaseException:
            _stop(process, ports, gently=False)
            raise
        _stop(process, ports, gently=False)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise StoreError(f"SeaweedFS did not start; the end of its log:\n{tail}")


def _command(weed: Path, data: Path, keys: Path, ports: dict[str, int]) -> list[str]:
    setpriv = shutil.which("setpriv")  # on Linux, ends the server even if this process is killed
    return [
        *([setpriv, "--pdeathsig", "KILL"] if setpriv else []),
        *(str(weed), "-logtostderr=true", "mini", f"-dir={data}", f"-s3.config={keys}"),
        *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
        *("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        "-s3.autoCreateBucket=false",  # as with AWS, a misspelt bucket is an error
        *(f"-{part}.port={port}" for part, port in ports.items()),
    ]


def _identities(server: S3Server) -> dict[str, object]:
    key = {"accessKey": server.access_key, "secretKey": server.secret_key}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "local", "credentials": [key], "actions": actions}]}


def _free_ports() -> dict[str, int]:
    """Return free ports below the range that Linux gives to clients, whose gRPC ports are free too."""
    parts = ("master", "volume", "filer", "s3", "admin")
    for _ in range(100):
        first = random.randrange(10_240, 22_700)
        ports = range(first, first + len(parts))
        if all(_is_free(port) and _is_free(port + _GRPC_OFFSET) for port in ports):
            return dict(zip(parts, ports, strict=True))
    raise StoreError("there are no free ports for an S3 server on this machine")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _becomes_ready(process: subprocess.Popen[bytes], server: S3Server) -> bool:
    """Wait until files can be stored and S3 answers. Return False if the process ends or time is up."""
    deadline = time.monotonic() + _START_SECONDS
    s3 = server.endpoint.removeprefix("http://")
    while time.monotonic() < deadline and process.poll() is None:
        if (
            _status(server.filer, "PUT", "/ready", b"?") == http.client.CREATED
            and _status(server.filer, "DELETE", "/ready") == http.client.NO_CONTENT
            and _status(s3, "GET", "/") == http.client.FORBIDDEN
        ):
            return True
        time.sleep(0.05)
    return False


def _status(host: str, method: str, path: str, body: bytes | None = None) -> int:
    """Return the HTTP status of a request; 0 if there is no response."""
    with closing(http.client.HTTPConnection(host, timeout=5)) as connection:
        try:
            connection.request(method, path, body)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def _stop(process: subprocess.Popen[bytes], ports: dict[str, int], *, gently: bool) -> None:
    if gently:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
    else:
        process.kill()
    process.wait(10)
    _remove_sockets(ports.values())


def _remove_sockets(ports: Iterable[int]) -> None:
    """Remove the sockets that SeaweedFS always puts into `/tmp`, and leaves there when it is killed."""
    for port in ports:
        for name in (f"*-{port}.sock", f"*-grpc-{port + _GRPC_OFFSET}.sock"):
            for socket_file in Path("/tmp").glob(f"seaweedfs-{name}"):  # noqa: S108 - SeaweedFS's choice
                socket_file.unlink(missing_ok=True)
