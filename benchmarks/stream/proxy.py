"""The proxy of `native/`: a server on this machine with the network of a far one, or with faults.

Signed requests pass unchanged. Its one thread moves several GB/s, so that it is never the limit.
"""

import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parent / "native"
Counters = dict[str, int]


@dataclass(frozen=True, slots=True)
class Network:
    """The network between client and server. A seed gives the same faults to as many requests in turn."""

    latency_ms: float = 0
    """From a request to the first byte of its reply."""
    jitter_ms: float = 0
    """Each request waits up to so many more."""
    slow_share: float = 0
    slow_times: float = 10
    """A slow request has so many times the latency, and only this part of the bandwidth."""
    refused_share: float = 0
    """Replies with status 503 and the code SlowDown."""
    cut_share: float = 0
    """Connections that break in the middle of a body."""
    connection_mbs: float = 0
    """MB/s of one connection; 0 is no limit."""
    total_mbs: float = 0
    """MB/s of all connections together."""
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running proxy."""

    port: int

    @property
    def endpoint(self) -> str:
        """The URL for clients."""
        return f"http://127.0.0.1:{self.port}"

    def counters(self) -> Counters:
        """Return the counters since the start: requests, bytes, faults, and the most connections at once."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", "/_counters")
            counters: Counters = json.loads(connection.getresponse().read())
        return counters


def build(folder: Path) -> Path:
    """Compile the proxy. It is compiled each time, since its sources change."""
    part, program = folder / "proxy.part", folder / "proxy"
    sources = sorted(map(str, SOURCES.glob("*.c")))
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-o", str(part), *sources, "-lm"], check=True)
    part.replace(program)
    return program


@contextmanager
def running(
    program: Path, network: Network, upstream: int | Path, core: int | None = None
) -> Iterator[Proxy]:
    """Run the proxy before a server's port, or before a folder whose files it serves without a key.

    Args:
        program: the result of `build`.
        network: latency, bandwidth and faults.
        upstream: a port of this machine, or the folder of the buckets.
        core: the core that the proxy runs on; None is any.
    """
    options = [word for name, value in asdict(network).items() for word in (f"--{name}", str(value))]
    options = [word.replace("_", "-") if word.startswith("--") else word for word in options]
    to = ["--server", str(upstream)] if isinstance(upstream, int) else ["--serve", str(upstream)]
    pinned = [] if core is None else ["taskset", "--cpu-list", str(core)]
    with subprocess.Popen(
        [*pinned, str(program), *to, *options], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            yield Proxy(json.loads(process.stdout.readline())["port"])
        finally:
            process.terminate()
