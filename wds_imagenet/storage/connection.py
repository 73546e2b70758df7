"""The calls of an engine: connected in each process, retried, and with clear errors."""

import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeVar

from wds_imagenet.errors import StoreError, UnavailableError, WdsImagenetError
from wds_imagenet.storage.engines.connect import connect
from wds_imagenet.storage.engines.engine import StoreEngine
from wds_imagenet.storage.failures import error_from_failure, redact
from wds_imagenet.storage.os_errors import TOO_MANY_FILES, lacks_files
from wds_imagenet.storage.retry import call_with_retries
from wds_imagenet.storage.secrets import credentials_fault, environment_secrets
from wds_imagenet.storage.store_options import ParsedOptions
from wds_imagenet.storage.url import Location

_Result = TypeVar("_Result")
_log = logging.getLogger(__name__)
_FIRST_WARNING: Final = 3.0
"""Seconds of retries after which a warning is logged."""
_NEXT_WARNING: Final = 60.0
"""Seconds from one warning to the next."""


class Connection:
    """A connection to one folder of a store. No message shows a secret.

    Each process that receives it, by pickling or fork, connects anew.
    """

    def __init__(self, location: Location, options: ParsedOptions, *, answered: bool = False) -> None:
        self._location: Final = location
        self._options: Final = options
        self._own_secrets: Final = options.secrets | {location.query} - {""}
        self._engines: dict[bool, tuple[int, StoreEngine]] = {}
        self.answered = answered
        """True if the store has ever answered: it is waited for longer."""
        self._warned_at = 0.0

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle without the engines, which belong to the process that made them."""
        return _reconnect, (self._location, self._options, self.answered)

    async def retried(
        self,
        path: str,
        call: Callable[[StoreEngine], Awaitable[_Result]],
        on_failure: Callable[[UnavailableError], None] = lambda _: None,
    ) -> _Result:
        """Return the result of a call, repeated while it fails temporarily.

        Args:
            path: the path that messages name.
            call: one attempt.
            on_failure: called with the error of each attempt that will be repeated.
        """

        def failed(error: UnavailableError, elapsed: float) -> None:
            on_failure(error)
            self._warn(error, elapsed)

        where = self.where(path)
        retry = self._options.retry if self.answered else self._options.first_contact
        return await call_with_retries(lambda: self.once(path, call), retry, where, failed)

    def _warn(self, error: UnavailableError, elapsed: float) -> None:
        """Log that a call is being repeated: once a minute, however many threads repeat calls."""
        now = time.monotonic()
        if elapsed > _FIRST_WARNING and now - self._warned_at > _NEXT_WARNING:
            self._warned_at = now
            longest = self._options.retry.deadline
            _log.warning("%s; trying again, for up to %.0f s", error, longest)

    async def once(self, path: str, call: Callable[[StoreEngine], Awaitable[_Result]]) -> _Result:
        """Return the result of one attempt."""
        engine = self.engine(path)
        return await self.called(path, lambda: call(engine))

    async def called(self, path: str, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Return the result of a call of the engine; translate its exception."""
        engine = self.engine(path)
        try:
            result = await call()
        except WdsImagenetError:
            raise
        except engine.error_types as error:
            if lacks_files(error):
                raise StoreError(f"{self.where(path)}: {TOO_MANY_FILES}") from None
            failure = engine.classify(error)
            fault = credentials_fault(error)
            if fault is not None:
                failure = replace(failure, reason=fault, code="AccessDenied")
            raised = error_from_failure(failure, self.where(path))
            self.answered |= failure.status is not None
            if isinstance(raised, UnavailableError):
                raised.args = (f"{raised}{self._options.endpoint_note(self._location.scheme)}",)
            raised.args = (redact(str(raised), self._secrets),)
            is_clean = fault is None and self._is_clean(error)
            raise raised from (error if is_clean else None)
        self.answered = True
        return result

    @property
    def _secrets(self) -> frozenset[str]:
        return self._own_secrets | environment_secrets(os.environ)

    def _is_clean(self, error: BaseException | None) -> bool:
        """Return True if a traceback of the error and its causes shows no secret."""
        secrets = self._secrets
        while error is not None:
            if redact(str(error), secrets) != str(error):
                return False
            error = error.__cause__ or error.__context__
        return True

    def where(self, path: str) -> str:
        """Return the URL of a path, for messages."""
        return f"{self._location.url}/{path}" if path else self._location.url

    def engine(self, path: str) -> StoreEngine:
        """Return this process's engine for a path. The first call connects."""
        plain = "//" in f"/{path}"  # obstore has no keys with empty parts
        connected = self._engines.get(plain)
        if connected is None or connected[0] != os.getpid():
            # Two threads may both connect; one of the two engines is dropped.
            engine = connect(self._location, self._options, plain=plain)
            self._engines[plain] = connected = (os.getpid(), engine)
        return connected[1]


def _reconnect(location: Location, options: ParsedOptions, answered: bool) -> Connection:  # noqa: FBT001 - unpickled
    return Connection(location, options, answered=answered)
