"""An iteration that any thread may end while another waits for its next item."""

from collections.abc import Callable, Generator, Iterator
from inspect import GEN_CLOSED, GEN_RUNNING, getgeneratorstate
from typing import Final, Generic, TypeVar

from wds_imagenet.errors import UnavailableError, UsageError
from wds_imagenet.util.cancel import CancelToken, use_token

Item = TypeVar("Item")


class Iteration(Iterator[Item], Generic[Item]):
    """A generator whose `close` may be called by other threads and by signal handlers.

    Closed, it ends as it would after its last item. Replaced, it raises `UsageError`. Dropping the last
    reference closes it too.
    """

    def __init__(self, begin: Callable[[], Generator[Item, None, None]]) -> None:
        self._token: Final = CancelToken()
        self._items: Final = begin()
        self._replaced_by: str | None = None

    def __next__(self) -> Item:
        try:
            with use_token(self._token):
                return next(self._items)
        except (StopIteration, UnavailableError) as error:
            if self._replaced_by is not None:
                raise UsageError(
                    f"this iteration ended before its last batch, since {self._replaced_by}: do that after "
                    "the loop, or iterate copy.copy(loader), which is independent"
                ) from None
            if isinstance(error, UnavailableError) and self._token.cancelled:  # cut short on purpose
                raise StopIteration from error
            raise

    def close(self, replaced_by: str | None = None) -> None:
        """End the iteration, and cut short its requests under way.

        Waits until its threads have ended. It returns at once while another thread, or the code that a
        signal interrupted, waits for an item.

        Args:
            replaced_by: the event that cut the iteration short: each further request is then a `UsageError`.
        """
        if replaced_by is not None and getgeneratorstate(self._items) != GEN_CLOSED:
            self._replaced_by = replaced_by
        self._token.cancel()
        try:
            if getgeneratorstate(self._items) != GEN_RUNNING:
                self._items.close()
        except ValueError:
            if getgeneratorstate(self._items) != GEN_RUNNING:  # otherwise an item was requested just now
                raise
