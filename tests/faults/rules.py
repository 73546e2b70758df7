"""Rules of the proxy: which request meets which fault. Pure."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

VERBS: Final = ("get", "head", "list", "put", "delete", "create", "part", "complete", "abort")
"""Kinds of requests; the last four are those of a multipart upload."""
TARGETS: Final = ("shard", "manifest", "keys", "plan", "receipt", "report", "other")
"""Kinds of objects, by their names."""

BEFORE: Final = ("reset", "swallow", "503", "429", "500", "200 error", "200 empty", "expired token")
"""Faults in place of an answer; the store does not see the request."""
AFTER: Final = (
    *("delay", "drip", "lost reply", "headers only", "early reset", "early end", "stall"),
    *("long length", "huge length", "short length", "flipped byte"),
)
"""Faults of the answer to a request that the store has carried out."""
READS: Final = ("whole object", "other range", "shifted bytes", "replaced")
"""Faults of the answer to a GET of a range."""
KILLS: Final = ("kill before", "kill after")
"""Faults that call `Proxy.on_kill`: before the store sees a request, or before the client sees the answer."""
FAULTS: Final = (*BEFORE, *AFTER, *READS)


@dataclass(frozen=True, slots=True)
class Operation:
    """The kind of a request: its verb, and the kind of its object."""

    verb: str
    target: str
    path: str

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault that the requests of a kind meet, from the `first` one on, `times` times; None is for ever.

    An empty verb or target is any.
    """

    fault: str
    verb: str = ""
    target: str = ""
    first: int = 1
    times: int | None = 1

    def __post_init__(self) -> None:
        if self.fault not in {*FAULTS, *KILLS} or self.verb not in {"", *VERBS} or self.first < 1:
            raise ValueError(f"{self}: there is no such fault, verb or first request")
        if self.target not in {"", *TARGETS}:
            raise ValueError(f"{self}: there is no such target")

    def is_for(self, operation: Operation) -> bool:
        return self.verb in {"", operation.verb} and self.target in {"", operation.target}

    def is_met(self, number: int) -> bool:
        """Return True if the request of this number, of those that the rule is for, meets the fault."""
        return number >= self.first and (self.times is None or number < self.first + self.times)


def operation_of(method: str, target: str) -> Operation:
    """Return the kind of a request to an S3 server, or to a plain HTTP server."""
    parts = urlsplit(target)
    query = parse_qs(parts.query, keep_blank_values=True)
    match method:
        case "GET" if query.keys() & {"list-type", "prefix", "delimiter", "uploads"}:
            verb = "list"
        case "PUT" if "partNumber" in query:
            verb = "part"
        case "POST" if "uploads" in query:
            verb = "create"
        case "POST" if "uploadId" in query:
            verb = "complete"
        case "DELETE" if "uploadId" in query:
            verb = "abort"
        case "POST":
            verb = "delete"
        case _:
            verb = method.lower()
    return Operation(verb, target_of(parts.path), parts.path)


def target_of(path: str) -> str:
    name = path.rpartition("/")[2]
    by_name = {"manifest.json": "manifest", "keys.txt": "keys", "plan.json": "plan", "report.jsonl": "report"}
    if name in by_name:
        return by_name[name]
    if name.endswith(".tar"):
        return "shard"  # also while it is uploaded in parts
    return "receipt" if "/receipts/" in path else "other"
