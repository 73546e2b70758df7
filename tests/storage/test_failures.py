"""Every client's failures are classified: status, code and reason, and the error that each raises."""

import errno
from datetime import UTC, datetime

import pytest

from wds_imagenet.errors import (
    ChangedError,
    CorruptError,
    DeniedError,
    ExistsError,
    FullError,
    NotFoundError,
    StoreError,
    UnavailableError,
)
from wds_imagenet.storage.engines import fsspec_engine, obstore_engine
from wds_imagenet.storage.failures import Failure, error_from_failure, redact

ANSWERED = "http://h/b/a in 1ms - Server returned non-2xx status code:"
UNSENT = "in 1ms - HTTP error: error sending request"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("NoSuchBucket", 404, NotFoundError),
        ("NoSuchKey", 404, NotFoundError),
        ("", 404, NotFoundError),
        ("", 403, DeniedError),
        ("InvalidAccessKeyId", 403, DeniedError),
        ("RequestTimeTooSkewed", 403, DeniedError),
        ("ExpiredToken", 400, DeniedError),
        ("PermanentRedirect", 301, DeniedError),
        ("NoCredentials", None, DeniedError),
        ("", 409, ExistsError),
        ("BlobAlreadyExists", 409, ExistsError),
        ("ConditionalRequestConflict", 409, UnavailableError),
        ("PreconditionFailed", 412, ChangedError),
        ("InvalidRange", 416, CorruptError),
        ("", 507, FullError),
        *(("", status, UnavailableError) for status in (408, 429, 500, 502, 503, 504)),
        ("SlowDown", 503, UnavailableError),
        ("Transport", None, UnavailableError),
        ("NotImplemented", 501, StoreError),
        ("EntityTooLarge", 400, StoreError),
        ("", None, StoreError),
    ],
)
def test_each_answer_raises_its_error(code: str, status: int | None, kind: type[Exception]) -> None:
    error = error_from_failure(Failure("what {was} said", status, code), "s3://b/x")
    assert type(error) is kind
    assert str(error).startswith("s3://b/x: ")


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (
            f"GET {ANSWERED} 416 Not Satisfiable: <Error><Code>InvalidRange</Code><Message>too far</Message>",
            Failure("too far", 416, "InvalidRange"),
        ),
        (f"HEAD {ANSWERED} 403 Forbidden: ", Failure("403 Forbidden", 403)),
        (
            f'GET {UNSENT}\n\nDebug source:\nkind: ConnectionRefused, message: "Connection refused"',
            Failure("Connection refused", None, "Unreachable"),
        ),
        (
            f"PUT http://169.254.169.254/latest/api/token {UNSENT}",
            Failure("HTTP error: error sending request", None, "NoCredentials"),
        ),
        (
            "GET http://h/b in 1ms - Received redirect without LOCATION, wrong region?",
            Failure("Received redirect without LOCATION, wrong region?", None, "PermanentRedirect"),
        ),
        (
            "Wanted range starting at 10, but object was only 10 bytes long",
            Failure("Wanted range starting at 10, but object was only 10 bytes long", None, "InvalidRange"),
        ),
    ],
)
def test_obstores_errors_are_classified_by_their_text(text: str, failure: Failure) -> None:
    assert obstore_engine.classify(Exception(text)) == failure


class HttpError(Exception):
    def __init__(self, **fields: object) -> None:
        super().__init__("it failed")
        self.__dict__.update(fields)


class ConnectTimeoutError(TimeoutError):
    pass


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (
            HttpError(
                response={
                    "Error": {"Code": "SlowDown", "Message": "slow"},
                    "ResponseMetadata": {"HTTPStatusCode": 503},
                }
            ),
            Failure("slow", 503, "SlowDown"),
        ),
        (HttpError(status=404), Failure("it failed", 404)),  # aiohttp
        (HttpError(code=429), Failure("it failed", 429)),  # gcsfs
        (HttpError(status_code=412), Failure("it failed", 412)),  # adlfs
        (ConnectTimeoutError("slow"), Failure("slow", None, "Unreachable")),
        (FileNotFoundError("a"), Failure("a", 404)),
        (FileExistsError(), Failure("FileExistsError", None, "Exists")),
        (PermissionError(errno.EACCES, "no"), Failure("[Errno 13] no", 403)),
        (KeyError("a"), Failure("KeyError: 'a'")),
    ],
)
def test_exceptions_of_every_file_system_are_classified(error: Exception, failure: Failure) -> None:
    assert fsspec_engine.classify(error) == failure


def test_an_answer_is_found_in_a_cause() -> None:
    error = PermissionError("wrapped")
    error.__cause__ = HttpError(status=503)
    assert fsspec_engine.classify(error) == Failure("wrapped", 503)


@pytest.mark.parametrize(
    ("found", "etag"),
    [
        ({"ETag": '"abc"', "LastModified": 1}, '"abc"'),
        ({"etag": "abc"}, "abc"),
        ({"mtime": 1.5, "size": 3}, "1.5-3"),
        ({"created": datetime(2020, 1, 1, tzinfo=UTC), "size": 3}, "1577836800.0-3"),
        ({"size": 3}, None),
    ],
)
def test_an_etag_is_found_in_the_info_of_every_file_system(
    found: dict[str, object], etag: str | None
) -> None:
    assert fsspec_engine.etag_of(found) == etag


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://h/a?X-Amz-Signature=abc failed", "GET https://h/a failed"),
        ('"http://u:p@h:1/a?b=c"', '"http://h:1/a"'),
        ("the key hush-hush is wrong", "the key *** is wrong"),
        ("is this it?", "is this it?"),
        (
            "<AWSAccessKeyId>AKIA</AWSAccessKeyId><a>b</a><CanonicalRequest>t\nt</CanonicalRequest>",
            "<a>b</a>",
        ),
    ],
)
def test_a_message_is_redacted(text: str, shown: str) -> None:
    assert redact(text, frozenset({"hush-hush", "hush"})) == shown
