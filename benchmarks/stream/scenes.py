"""The scenes of `run.py stream`: where the shards are, and the network in front of them."""

from dataclasses import dataclass, field
from typing import Final, Literal

from stream.proxy import Network

Store = Literal["disk", "server", "proxied", "files"]


@dataclass(frozen=True, slots=True)
class Scene:
    """One place to read from."""

    store: Store
    """The disk; the S3 server; the same behind the proxy; files that the proxy serves itself."""
    network: Network = field(default_factory=Network)


SCENES: Final = {
    "local": Scene("disk"),
    "direct": Scene("server"),
    "near": Scene("proxied"),
    "30ms": Scene("proxied", Network(latency_ms=30, connection_mbs=60)),
    "100ms": Scene("proxied", Network(latency_ms=100, connection_mbs=60)),
    "tail": Scene("proxied", Network(latency_ms=30, connection_mbs=60, slow_share=0.01)),
    "failing": Scene(
        "proxied", Network(latency_ms=30, connection_mbs=60, refused_share=0.005, cut_share=0.005)
    ),
    "files": Scene("files"),
    "far": Scene("files", Network(latency_ms=100)),
}
"""`direct` beside `near` shows the cost of the proxy. `files` has no server; `far` adds 100 ms."""
USUAL: Final = ("local", "near", "30ms", "100ms", "tail", "failing")
