"""HTTP status or S3 code → the error to raise, whichever client reported it. Pure.

The error's class decides whether the call is repeated: `retry` repeats `UnavailableError` alone, so
408, 425, 429, 500, 502, 503, 504 and broken connections. Every other answer would be the same again, and is
raised at once: 401 and 403 are `DeniedError`, since waiting does not change credentials or permissions.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from wds_imagenet.errors import (
    ChangedError,
    CorruptError,
    DeniedError,
    ExistsError,
    FullError,
    NotFoundError,
    StoreError,
    TooLargeError,
    UnavailableError,
)
from wds_imagenet.shown import shown_text
from wds_imagenet.storage.url import SCHEMES

NO_CREDENTIALS: Final = "NoCredentials"
NO_ACCOUNT: Final = "NoAccount"
BAD_CERTIFICATE: Final = "BadCertificate"
BAD_PATH: Final = "BadPath"
BAD_KEY: Final = "BadKey"
EXISTS: Final = "Exists"
UNREACHABLE: Final = "Unreachable"
TRANSPORT: Final = "Transport"
"""Codes of this package, for failures that a client reports without a code of the store."""

NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call, in the terms of HTTP and S3."""

    reason: str
    """One line for people."""
    status: int | None = None
    """HTTP status; None if the store did not answer."""
    code: str = ""
    """S3's `<Code>`, or one of this module's codes; empty if there is none."""
    retry_after: float = 0.0
    """Seconds that the store asked to wait before the next attempt."""


@dataclass(frozen=True, slots=True)
class _Rule:
    codes: frozenset[str]
    statuses: frozenset[int]
    kind: type[StoreError] | type[CorruptError]
    message: str


def _rule(
    kind: type[StoreError] | type[CorruptError], message: str, *codes: str, statuses: tuple[int, ...] = ()
) -> _Rule:
    return _Rule(frozenset(codes), frozenset(statuses), kind, message)


_ADVICE: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or for public data "
    "--storage-option anon=true",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to a service account's JSON file, or for public data "
    "--storage-option skip_signature=true",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or for "
    "public data --storage-option skip_signature=true",
    "": "pass them as options of the store's fsspec class, --storage-option NAME=VALUE",
}
"""The remedy for missing credentials, by scheme."""

_RULES: Final = (
    _rule(DeniedError, "no credentials were found; {advice}", NO_CREDENTIALS),
    _rule(
        StoreError,
        "{reason}: set AZURE_STORAGE_ACCOUNT_NAME or --storage-option account_name=NAME, or write it in the "
        "URL, as CONTAINER@ACCOUNT",
        NO_ACCOUNT,
    ),
    _rule(
        StoreError,
        "{reason}; check that the endpoint speaks https, with a certificate that this machine trusts",
        BAD_CERTIFICATE,
    ),
    _rule(StoreError, "this store allows no object of that name ({reason})", BAD_PATH),
    _rule(
        DeniedError,
        "{reason}; this machine's clock is wrong: set it",
        *("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"),
    ),
    _rule(
        DeniedError,
        "{reason}; the session's credentials have expired: renew them",
        *("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"),
    ),
    _rule(
        DeniedError,
        "{reason}; the bucket is in another region: set AWS_REGION or --storage-option region=NAME",
        *("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
        statuses=(301, 307, 308),
    ),
    _rule(
        NotFoundError,
        "there is no such bucket; create it, or correct its name",
        *("NoSuchBucket", "ContainerNotFound"),
    ),
    _rule(
        FullError,
        "{reason}; the store or its quota is full: make room, then run again",
        *("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"),
        statuses=(507,),
    ),
    _rule(
        DeniedError,
        "{reason}; check that the credentials are right, and that they allow this",
        *("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AllAccessDisabled"),
        statuses=(401, 403),
    ),
    _rule(NotFoundError, "there is no such object", "NoSuchKey", "BlobNotFound"),
    _rule(NotFoundError, "there is no such object, or no such bucket", statuses=(404,)),
    _rule(
        CorruptError, "the object ends before the bytes that were requested", "InvalidRange", statuses=(416,)
    ),
    _rule(UnavailableError, "could not be reached: {reason}", UNREACHABLE),
    _rule(
        UnavailableError,
        "{reason}",
        *(TRANSPORT, "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout"),
        *("RequestLimitExceeded", "Throttling", "ThrottlingException", "BadDigest", "IncompleteBody"),
        *("XAmzContentSHA256Mismatch", "OperationAborted", "ConditionalRequestConflict"),
        *("TooManyRequests", "TooManyRequestsException", "ServerBusy", "OperationTimedOut"),
        statuses=(408, 425, 429, 500, 502, 503, 504),
    ),
    _rule(ExistsError, "exists already", EXISTS, "BlobAlreadyExists", statuses=(409,)),
    _rule(
        ChangedError, "was replaced or removed while it was being read", "PreconditionFailed", statuses=(412,)
    ),
)
"""The first rule that has the code or the status decides.

The codes are those of the S3 API Reference, "Error responses", with MinIO's and Azure's own. Where a store
sends none, its HTTP status (RFC 9110, section 15) decides.
"""


def error_from_failure(failure: Failure, where: str) -> StoreError | CorruptError:
    """Return the error to raise; its message has the place, the reason and the remedy.

    Args:
        failure: the failure, as an engine classified it.
        where: URL of the object, without query and credentials.
    """
    for rule in _RULES:
        if failure.code in rule.codes or failure.status in rule.statuses:
            scheme = SCHEMES.get(where.partition("://")[0], "")
            advice = _ADVICE.get(scheme, _ADVICE[""])
            error = rule.kind(f"{where}: {rule.message.format(reason=failure.reason, advice=advice)}")
            if isinstance(error, UnavailableError):
                error.retry_after = failure.retry_after
                error.is_busy = failure.status in {429, 503} or failure.code == "SlowDown"
            return error
    return StoreError(f"{where}: {failure.reason}")


def too_large(where: str, size: int | None, limit: int) -> TooLargeError:
    """Return the error for a reply of more bytes than a limit.

    Args:
        where: URL of the object, without query and credentials.
        size: bytes that the reply announces; None if it announces no size.
        limit: bytes that the caller accepts.
    """
    more = f"more than {limit:,} bytes" if size is None else f"{size:,} bytes"
    return TooLargeError(f"{where}: has {more}, and at most {limit:,} are read")


def status_phrase(status: int) -> str:
    """Return the standard's text for a status, such as Not Found; "" for a status without one (RFC 9110)."""
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""


def redact(text: str, secrets: frozenset[str]) -> str:
    """Return the text without the secrets, and with each URL as messages show it.

    Removes the parts of a wrongly signed request that S3 repeats in its answer; they include a
    session's token.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"<(AWSAccessKeyId|StringToSign|CanonicalRequest)>.*?</\1>", "", text, flags=re.DOTALL)
    return shown_text(text)
