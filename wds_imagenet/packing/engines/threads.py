"""The engine of threads of this process."""

from collections.abc import Callable, Generator, Iterable
from typing import Final, TypeVar

from wds_imagenet.util.processes import sigterm_cleans_up, usable_cpus
from wds_imagenet.util.threads import map_ahead

Task = TypeVar("Task")
Result = TypeVar("Result")

_MOST: Final = 4  # each holds a shard in memory


class ThreadEngine:
    """Runs tasks in threads, for tasks whose bytes are in this process. Results come in the tasks' order."""

    def __init__(self, threads: int | None) -> None:
        self._threads: Final = threads or min(usable_cpus(), _MOST)

    def warm_up(self) -> None:
        """Return at once: threads need no preparation."""

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield `work(task)` for every task, in order, as `Engine.run` does."""
        with sigterm_cleans_up():
            yield from map_ahead(work, tasks, threads=self._threads, name="pack")
