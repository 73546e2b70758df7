"""An iteration that anyone may end, whoever waits for its next item."""

from collections.abc import Callable, Generator, Iterator
from inspect import GEN_RUNNING, getgeneratorstate
from typing import Final, Generic, TypeVar

from wds_imagenet.errors import UnavailableError
from wds_imagenet.util.cancel import CancelToken, use_token

Item = TypeVar("Item")


class Iteration(Iterator[Item], Generic[Item]):
    """A generator with a `close` that other threads and signal handlers may call as well.

    It ends then as it would after its last item. Dropping the last reference closes it too.
    """

    def __init__(self, begin: Callable[[], Generator[Item, None, None]]) -> None:
        self._token: Final = CancelToken()
        self._items: Final = begin()

    def __next__(self) -> Item:
        try:
            with use_token(self._token):
                return next(self._items)
        except UnavailableError as error:
            if self._token.cancelled:  # what was being fetched was given up, and that is no failure
                raise StopIteration from error
            raise

    def close(self) -> None:
        """End it, and cut short the requests that are under way.

        Waits until its threads have ended; but for nothing while another thread, or the code that a signal
        interrupted, is waiting for an item.
        """
        self._token.cancel()
        try:
            if getgeneratorstate(self._items) != GEN_RUNNING:
                self._items.close()
        except ValueError:
            if getgeneratorstate(self._items) != GEN_RUNNING:  # else an item has just been asked for
                raise
