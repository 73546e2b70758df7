"""What a store's failure means, whichever client reported it. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from wds_imagenet.errors import (
    ChangedError,
    CorruptError,
    DeniedError,
    ExistsError,
    FullError,
    NotFoundError,
    StoreError,
    UnavailableError,
    WdsImagenetError,
)

NO_CREDENTIALS: Final = "NoCredentials"
BAD_CERTIFICATE: Final = "BadCertificate"
BAD_PATH: Final = "BadPath"
TRANSPORT: Final = "Transport"
"""Codes of our own, for what fails before a store could answer with one of its own."""

_SKEW: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_REGION: Final = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
_FULL: Final = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"})
_EXISTS: Final = frozenset({"BlobAlreadyExists", "FileExists"})
_DENIED: Final = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AllAccessDisabled"}
)
_PASSING: Final = frozenset(
    {
        *(TRANSPORT, "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling"),
        *("ThrottlingException", "RequestLimitExceeded", "BadDigest", "IncompleteBody"),
        *("OperationAborted", "ConditionalRequestConflict", "XAmzContentSHA256Mismatch"),
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure in the words of HTTP and S3."""

    reason: str
    """One line for a person."""
    status: int | None = None
    """HTTP's, where there was an answer."""
    code: str = ""
    """S3's `<Code>`, or one of this module's."""


def meaning(fault: Fault, where: str) -> WdsImagenetError:
    """Return the error to raise: what happened, where, and what to do.

    The codes are those of the S3 API Reference, "Error responses"; where a store sends none, its HTTP
    status decides.
    """
    code, status, told = fault.code, fault.status, f"{where}: {fault.reason}"
    if code in {NO_CREDENTIALS, BAD_CERTIFICATE, BAD_PATH} or code in _SKEW | _EXPIRED | _REGION:
        return _misconfigured(code, where, fault.reason)
    if code == "NoSuchBucket":
        return NotFoundError(f"{where}: there is no such bucket; create it, or mend its name")
    if code in _DENIED or status in {401, 403}:
        return DeniedError(f"{told}; are the credentials right, and may they do this here?")
    if code in _FULL or status == 507:
        return FullError(f"{told}; the store or its quota is full")
    if status == 404 or code == "NoSuchKey":
        return NotFoundError(f"{where}: there is no such object")
    if status == 416 or code == "InvalidRange":
        return CorruptError(f"{where}: the object is shorter than what was asked of it")
    if code in _PASSING or status in {408, 425, 429, 500, 502, 503, 504}:
        return UnavailableError(told)
    if code in _EXISTS or status == 409:
        return ExistsError(f"{where}: exists already")
    if status == 412 or code == "PreconditionFailed":
        return ChangedError(f"{where}: was replaced or removed while it was being read")
    if status in {301, 307, 308}:
        return _misconfigured("PermanentRedirect", where, fault.reason)
    return StoreError(told)


def _misconfigured(code: str, where: str, reason: str) -> StoreError:
    if code == NO_CREDENTIALS:
        return DeniedError(
            f"{where}: no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or what "
            "your cloud uses), AWS_PROFILE, or for public data --storage-option anon=true"
        )
    if code == BAD_CERTIFICATE:
        return StoreError(f"{where}: {reason}; does the endpoint speak https, and is its certificate known?")
    if code == BAD_PATH:
        return StoreError(f"{where}: this store cannot have an object of that name ({reason})")
    if code in _SKEW:
        return DeniedError(f"{where}: {reason}; this machine's clock is off, set it right")
    if code in _EXPIRED:
        return DeniedError(f"{where}: {reason}; the session's credentials have expired, renew them")
    return DeniedError(
        f"{where}: {reason}; the bucket is in another region, set AWS_REGION or --storage-option region=…"
    )


def redact(text: str, secrets: frozenset[str]) -> str:
    """Return the text without the secrets and without any URL's query or credentials."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(://)[^/\s@]+@", r"\1", text)
    return re.sub(r"(https?://[^\s?\"'<>]*)\?[^\s\"'<>]*", r"\1", text)
