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
)
from wds_imagenet.storage.url import SCHEMES

NO_CREDENTIALS: Final = "NoCredentials"
NO_ACCOUNT: Final = "NoAccount"
BAD_CERTIFICATE: Final = "BadCertificate"
BAD_PATH: Final = "BadPath"
EXISTS: Final = "Exists"
TRANSPORT: Final = "Transport"
"""Codes of our own, for what a client tells without one of the store's."""

NO_BUCKET: Final = frozenset({"NoSuchBucket", "ContainerNotFound"})


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure in the words of HTTP and S3."""

    reason: str
    """One line for a person."""
    status: int | None = None
    """HTTP's, where there was an answer."""
    code: str = ""
    """S3's `<Code>`, or one of this module's."""


@dataclass(frozen=True, slots=True)
class _Rule:
    codes: frozenset[str]
    statuses: frozenset[int]
    kind: type[StoreError] | type[CorruptError]
    told: str


def _rule(
    kind: type[StoreError] | type[CorruptError], told: str, *codes: str, statuses: tuple[int, ...] = ()
) -> _Rule:
    return _Rule(frozenset(codes), frozenset(statuses), kind, told)


_ADVICE: Final = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or AWS_PROFILE, or for public data "
    "--storage-option anon=true",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to a service account's JSON file, or for public data "
    "--storage-option skip_signature=true",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or for "
    "public data --storage-option skip_signature=true",
    "": "the options of its fsspec class may bring them, as --storage-option NAME=VALUE",
}
"""What to do without credentials, for each kind of store."""

_RULES: Final = (
    _rule(
        DeniedError,
        "no credentials were found; {advice}",
        NO_CREDENTIALS,
    ),
    _rule(
        StoreError,
        "{reason}: set AZURE_STORAGE_ACCOUNT_NAME or --storage-option account_name=NAME, or write it in the "
        "URL, as CONTAINER@ACCOUNT",
        NO_ACCOUNT,
    ),
    _rule(
        StoreError, "{reason}; does the endpoint speak https with a certificate known here?", BAD_CERTIFICATE
    ),
    _rule(StoreError, "this store cannot have an object of that name ({reason})", BAD_PATH),
    _rule(
        DeniedError,
        "{reason}; this machine's clock is wrong, set it right",
        *("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"),
    ),
    _rule(
        DeniedError,
        "{reason}; the session's credentials have expired, renew them",
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
        "there is no such bucket; create it, or mend its name",
        "NoSuchBucket",
        "ContainerNotFound",
    ),
    _rule(
        FullError,
        "{reason}; the store or its quota is full",
        *("QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"),
        statuses=(507,),
    ),
    _rule(
        DeniedError,
        "{reason}; are the credentials right, and do they allow this here?",
        *("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "AllAccessDisabled"),
        statuses=(401, 403),
    ),
    _rule(NotFoundError, "there is no such object", "NoSuchKey", "BlobNotFound"),
    _rule(NotFoundError, "there is no such object, or no such bucket", statuses=(404,)),
    _rule(CorruptError, "the object is shorter than what was asked of it", "InvalidRange", statuses=(416,)),
    _rule(
        UnavailableError,
        "{reason}",
        *(
            TRANSPORT,
            "SlowDown",
            "ServiceUnavailable",
            "InternalError",
            "RequestTimeout",
            "RequestLimitExceeded",
        ),
        *("Throttling", "ThrottlingException", "BadDigest", "IncompleteBody", "XAmzContentSHA256Mismatch"),
        *("OperationAborted", "ConditionalRequestConflict"),
        statuses=(408, 425, 429, 500, 502, 503, 504),
    ),
    _rule(ExistsError, "exists already", EXISTS, "BlobAlreadyExists", statuses=(409,)),
    _rule(
        ChangedError, "was replaced or removed while it was being read", "PreconditionFailed", statuses=(412,)
    ),
)
"""The first that fits decides. The codes are those of the S3 API Reference, "Error responses", with
MinIO's and Azure's own; where a store sends none, its HTTP status decides."""


def error_from_failure(failure: Failure, where: str) -> StoreError | CorruptError:
    """Return the error to raise: what happened, where, and what to do."""
    for rule in _RULES:
        if failure.code in rule.codes or failure.status in rule.statuses:
            scheme = SCHEMES.get(where.partition("://")[0], "")
            advice = _ADVICE.get(scheme, _ADVICE[""])
            return rule.kind(f"{where}: {rule.told.format(reason=failure.reason, advice=advice)}")
    return StoreError(f"{where}: {failure.reason}")


def redact(text: str, secrets: frozenset[str]) -> str:
    """Return the text without the secrets and without any URL's query or credentials.

    Nor does it keep what S3 repeats of a request whose signature is wrong, a session's token included.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(://)[^/\s@]+@", r"\1", text)
    text = re.sub(r"<(AWSAccessKeyId|StringToSign|CanonicalRequest)>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"(https?://[^\s?\"'<>]*)\?[^\s\"'<>]*", r"\1", text)
