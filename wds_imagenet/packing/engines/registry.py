"""All engines by name, and the one place that chooses among them."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from wds_imagenet.errors import UsageError
from wds_imagenet.packing.engines.engine import Engine
from wds_imagenet.packing.engines.local import LocalEngine
from wds_imagenet.packing.engines.threads import ThreadEngine
from wds_imagenet.util.messages import unknown_name

ENGINES: Final[Mapping[str, Callable[[int | None], Engine]]] = {"local": LocalEngine}
"""Each takes a number of workers; None leaves it to the engine."""

Reach = Literal["processes", "threads", "caller"]
"""The places where a job's tasks can run: other processes; only threads of this process, which holds their
bytes; or only the calling thread, since a store of theirs is in this process's memory."""


def open_engine(workers: int | None, reach: Reach = "processes", name: str = "local") -> Engine:
    """Return an engine that can run a job's tasks.

    Args:
        workers: processes or threads; None for as many as suit the machine.
        reach: the places where the tasks can run.
        name: the engine for tasks that other processes can run.

    Raises:
        UsageError: there is no such engine, or `workers` is less than 1.
    """
    if name not in ENGINES:
        raise unknown_name("engine", [name], ENGINES)
    if workers is not None and workers < 1:
        raise UsageError(f"packing takes at least one worker, not {workers}")
    if reach == "threads":
        return ThreadEngine(workers)
    return LocalEngine(1) if reach == "caller" else ENGINES[name](workers)
