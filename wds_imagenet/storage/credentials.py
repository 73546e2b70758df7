"""Credentials with which obstore signs requests to S3: from the options, or found by botocore."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wds_imagenet.errors import DeniedError
from wds_imagenet.storage.failures import NO_CREDENTIALS, Failure, error_from_failure

if TYPE_CHECKING:
    from obstore.store import S3Credential

_KEEP = timedelta(minutes=10)
"""How long obstore keeps a credential; botocore itself renews those that are about to expire."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A provider of credentials, and settings of the profile that they come from."""

    provider: "Callable[[], S3Credential] | None"
    """None if obstore finds credentials by itself, or signs nothing."""
    settings: Mapping[str, str]
    """`region` and `endpoint` of the profile, as far as it has them."""


def find_credentials(config: Mapping[str, object], where: str) -> Credentials:
    """Return the credentials of the options or environment, or else those of botocore's chain.

    The chain includes profiles, SSO, web identities, containers and instance roles. Without botocore,
    obstore searches by itself, in fewer places. Asking for an instance role costs at most two seconds.

    Args:
        config: the options of the store, under obstore's names.
        where: URL of the store, for the error.

    Raises:
        DeniedError: if botocore finds no credentials, or cannot read the profile.
    """
    if config.get("skip_signature"):
        return Credentials(None, {})
    if "access_key_id" in config:
        return Credentials(_ConfiguredKey(dict(config)), {})
    try:
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped] # noqa: PLC0415 - an extra, and slow to import
        from botocore.session import Session  # type: ignore[import-untyped] # noqa: PLC0415
    except ImportError:
        return Credentials(None, {})
    session = Session(profile=config.get("profile"))
    session.set_config_variable("metadata_service_timeout", 1)
    session.set_config_variable("metadata_service_num_attempts", 1)
    try:
        found = session.get_credentials()
        profile = {
            "region": session.get_config_variable("region"),
            "endpoint": session.get_scoped_config().get("endpoint_url"),
        }
    except BotoCoreError as error:
        raise DeniedError(f"{where}: {error}") from error
    if found is None:
        raise error_from_failure(Failure("none", code=NO_CREDENTIALS), where)
    return Credentials(_BotocoreKey(found), {name: value for name, value in profile.items() if value})


@dataclass(frozen=True, slots=True, repr=False)
class _ConfiguredKey:
    config: Mapping[str, object]

    def __call__(self) -> "S3Credential":
        token = self.config.get("session_token")
        return {
            "access_key_id": str(self.config["access_key_id"]),
            "secret_access_key": str(self.config.get("secret_access_key", "")),
            "token": None if token is None else str(token),
            "expires_at": None,
        }


@dataclass(frozen=True, slots=True, repr=False)
class _BotocoreKey:
    credentials: Any  # botocore has no types

    def __call__(self) -> "S3Credential":
        frozen = self.credentials.get_frozen_credentials()
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _KEEP,
        }
