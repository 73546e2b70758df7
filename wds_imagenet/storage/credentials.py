"""Credentials with which obstore signs requests to S3: from the options, or found by botocore."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from wds_imagenet.errors import DeniedError, UsageError
from wds_imagenet.storage.failures import NO_CREDENTIALS, Failure, error_from_failure
from wds_imagenet.storage.secrets import credentials_fault
from wds_imagenet.storage.store_options import check_endpoints

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

    Region and endpoint of the profile come with them, in the order of botocore's documentation. The chain of
    credentials includes profiles, SSO, web identities, containers and instance roles. Without botocore,
    obstore searches by itself, in fewer places. Asking for an instance role costs at most two seconds.

    Args:
        config: the options of the store, under obstore's names.
        where: URL of the store, for the error.

    Raises:
        DeniedError: if botocore finds no credentials, or cannot read the profile.
    """
    has_key = "access_key_id" in config
    provider = _ConfiguredKey(dict(config)) if has_key and not config.get("skip_signature") else None
    try:
        from botocore.exceptions import (  # type: ignore[import-untyped] # noqa: PLC0415 - an extra, and slow
            BotoCoreError,
            ProfileNotFound,
        )
        from botocore.session import Session  # type: ignore[import-untyped] # noqa: PLC0415
    except ImportError:
        return Credentials(provider, {})
    session = Session(profile=config.get("profile"))
    session.set_config_variable("metadata_service_timeout", 1)
    session.set_config_variable("metadata_service_num_attempts", 1)
    try:
        settings = _settings(session)
        if has_key or config.get("skip_signature"):
            return Credentials(provider, settings)
        found = _checked(session.get_credentials, where)
    except ProfileNotFound as error:
        if has_key and "profile" not in config:  # a key needs no profile
            return Credentials(provider, {})
        raise DeniedError(f"{where}: {error}") from error
    except BotoCoreError as error:
        raise DeniedError(f"{where}: {error}") from error
    if found is None:
        raise error_from_failure(Failure("none", code=NO_CREDENTIALS), where)
    return Credentials(_BotocoreKey(found, where), settings)


def _checked(call: Callable[[], Any], where: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Return the result of a call that may read credentials; its errors quote no reply and no output."""
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - an extra, and slow

    try:
        return call()
    except BotoCoreError as error:
        fault = credentials_fault(error)
        if fault is None:
            raise
    except ValueError:  # of JSON that does not parse
        fault = "the reply with the credentials, or the program's output, cannot be read"
    raise DeniedError(f"{where}: {fault}")


def _settings(session: Any) -> Mapping[str, str]:  # noqa: ANN401 - botocore has no types
    """Return region and endpoint of the profile: the endpoint of its services section precedes its own."""
    profile = session.get_scoped_config()
    endpoint = None
    if not session.get_config_variable("ignore_configured_endpoint_urls"):
        name = profile.get("services")
        services = session.full_config.get("services", {})
        if name is not None and name not in services:
            raise UsageError(
                f"the AWS configuration has no section [services {name}], which its profile names: add it"
            )
        own = services.get(name, {}).get("s3", {})
        endpoint = (own.get("endpoint_url") if isinstance(own, dict) else None) or profile.get("endpoint_url")
    settings = {"region": session.get_config_variable("region"), "endpoint": endpoint}
    found = {name: value for name, value in settings.items() if value}
    check_endpoints(found)
    return found


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
    where: str

    def __call__(self) -> "S3Credential":
        frozen = _checked(self.credentials.get_frozen_credentials, self.where)
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(UTC) + _KEEP,
        }
