"""The protocol of an engine."""

from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(Protocol):
    """Runs one function over many tasks, in parallel.

    An engine that uses other processes pickles the function, the tasks and the results.
    """

    def warm_up(self) -> None:
        """Begin any slow start before there is work. Returns at once."""

    def run(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Generator[Result, None, None]:
        """Yield `work(task)` for every task, as each ends, in any order.

        The tasks are taken one by one as workers become free, in the thread that iterates. Close the
        generator to cancel: no new task starts, and no worker outlives the generator by more than a few
        seconds. A worker unwinds every `finally`, so that no temporary file is left. An error that a task
        raises is raised here.

        Args:
            work: called once for each task.
            tasks: each may have a `name`, for messages.

        Raises:
            WdsImagenetError: the error of a task, or a worker was lost; the message names the task.
        """
