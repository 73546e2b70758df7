"""The options of a store, under the names of s3fs, obstore or botocore → those of each engine. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from wds_imagenet.errors import UsageError
from wds_imagenet.storage.retry import Retry
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import unknown_name

_S3FS: Final = {
    "key": "access_key_id",
    "secret": "secret_access_key",
    "token": "session_token",
    "endpoint_url": "endpoint",
    "anon": "skip_signature",
    "requester_pays": "request_payer",
}
"""s3fs's name → obstore's name, for options that both have."""

_ALIASES: Final = _S3FS | {
    "aws_access_key_id": "access_key_id",
    "aws_secret_access_key": "secret_access_key",
    "aws_session_token": "session_token",
    "region_name": "region",
}
"""Name of s3fs or botocore → obstore's name."""

_BOTH: Final = frozenset({*_ALIASES.values(), "allow_http", "virtual_hosted_style_request", "profile"})
_S3FS_ALONE: Final = frozenset(
    {
        *("client_kwargs", "config_kwargs", "s3_additional_kwargs", "use_ssl", "cache_regions"),
        *("version_aware", "max_concurrency", "fixed_upload_size", "default_block_size"),
    }
)
_OBSTORE_ALONE: Final = {
    "s3": frozenset(
        {
            *("checksum_algorithm", "conditional_put", "disable_bulk_delete", "disable_tagging"),
            *("imdsv1_fallback", "role_arn", "role_session_name", "s3_express", "server_side_encryption"),
            *("sse_bucket_key_enabled", "sse_customer_key_base64", "sse_kms_key_id", "sts_endpoint"),
            *("unsigned_payload", "web_identity_token_file"),
        }
    ),
    "gs": frozenset({"service_account", "service_account_key", "application_credentials", "base_url"}),
    "az": frozenset(
        {
            *("account_name", "account_key", "client_id", "client_secret", "tenant_id", "sas_key"),
            *("endpoint", "use_emulator", "use_azure_cli", "use_fabric_endpoint", "msi_endpoint"),
        }
    ),
}
_CLOUD: Final = frozenset({"allow_http", "skip_signature"})
_EVERYWHERE: Final = frozenset({"engine", "retries", "timeout", "deadline"})
_ELSEWHERE: Final = frozenset(
    {
        *("access", "anon", "cookies", "credential", "credentials", "headers", "password", "project"),
        *("revision", "sas_token", "tenant_id", "token", "trust_env", "user_agent", "username"),
    }
)
"""Options of fsspec's classes for other stores."""
_KNOWN: Final = (_BOTH | _S3FS_ALONE | _CLOUD | _ELSEWHERE | {*_ALIASES}).union(*_OBSTORE_ALONE.values())
_ENVIRONMENT: Final = {
    "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
_KEYS: Final = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}
_NAME: Final = re.compile(r"[a-z][a-z_]{0,30}")
"""An unknown name that may be shown. Others may be a secret that was given in place of NAME=VALUE."""
_HOST: Final = re.compile(r"(?:[A-Za-z][\w+.-]*:(?=[/\\])|https?:)?[/\\]*([\w.-]*(?::\d+(?!\w))?)")
_FIRST_CONTACT: Final = 10.0
"""Deadline, in seconds, of a store that has never answered."""
_ENDPOINTS: Final = frozenset({"endpoint", "endpoint_url", "base_url", "msi_endpoint", "sts_endpoint"})
_PUBLIC: Final = frozenset({"endpoint", "region", "profile", "region_name", "endpoint_url", "base_url"})
_WORDS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_BOOLEANS: Final = frozenset(
    {"skip_signature", "request_payer", "allow_http", "virtual_hosted_style_request", "use_ssl"}
)


@dataclass(frozen=True, slots=True)
class ParsedOptions:
    """The options of a store, parsed."""

    engine: str = ""
    """`obstore`, `fsspec`, or empty: obstore where it can be used, else fsspec."""
    retry: Retry = field(default_factory=Retry)
    first_contact: Retry = field(default_factory=Retry)
    """Bounds until the store has answered once: a wrong address fails in seconds, not minutes."""
    timeout: float = 30.0
    """Seconds that a request may go without progress."""
    config: Mapping[str, object] = field(default_factory=dict, repr=False)
    """The other options, under obstore's name if it has one."""

    @property
    def secrets(self) -> frozenset[str]:
        """The values that messages must not show."""
        odd = {n for n, v in self.config.items() if n not in _KNOWN and len(n) >= 6 and not _is_option(n, v)}
        return frozenset(_secrets(self.config)) | odd

    def endpoint_note(self, scheme: str) -> str:
        """Return a note, for a store that does not answer, of the endpoint in use; maybe empty."""
        if "endpoint" in self.config:
            return f" (at the endpoint {self.config['endpoint']})"
        if scheme == "s3" and "profile" not in self.config:
            return " (at Amazon's own endpoint: no AWS_ENDPOINT_URL or endpoint_url is given)"
        return ""


def parse_options(scheme: str, options: Mapping[str, object], environ: Mapping[str, str]) -> ParsedOptions:
    """Parse the options of a store; the environment supplies those that are missing.

    Strings are parsed as on a command line: `anon=true`, `client_kwargs={"verify": false}`.

    Args:
        scheme: a value of `url.SCHEMES`.
        options: options by name. For `s3`, names of s3fs, obstore or botocore; for other schemes, any name.
        environ: the environment variables.

    Raises:
        UsageError: for an unknown option of `s3`, and for a value that cannot be parsed.
    """
    rest = dict(options)
    engine = str(rest.pop("engine", ""))
    if engine not in {"", "obstore", "fsspec"}:
        raise UsageError("storage option engine: write obstore or fsspec")
    usual = Retry()
    first = _FIRST_CONTACT if "deadline" not in rest else float("inf")
    retry = Retry(
        attempts=1 + int(_number("retries", rest.pop("retries", usual.attempts - 1))),
        deadline=_number("deadline", rest.pop("deadline", usual.deadline)),
    )
    timeout = _number("timeout", rest.pop("timeout", 30.0))
    config = _s3_config(rest, environ) if scheme == "s3" else {n: _value(n, v) for n, v in rest.items()}
    check_endpoints(config)
    return ParsedOptions(engine, retry, replace(retry, deadline=min(retry.deadline, first)), timeout, config)


def check_known_options(options: Mapping[str, object]) -> None:
    """Raise `UsageError` for an option that no store has.

    For stores that need no options. Those of other stores pass: images and shards often lie on two stores,
    and share one set of options.
    """
    known = _EVERYWHERE | _KNOWN
    if surplus := options.keys() - known:
        raise _unknown_options({name: options[name] for name in surplus}, _EVERYWHERE, known)


def obstore_config(scheme: str, options: ParsedOptions) -> dict[str, object] | None:
    """Return the options as obstore takes them, or None if it lacks one of them."""
    alone = _OBSTORE_ALONE.get(scheme)
    known = _BOTH if scheme == "s3" else _CLOUD
    if alone is None or not options.config.keys() <= alone | known:
        return None
    return dict(options.config)


def fsspec_config(scheme: str, options: ParsedOptions) -> dict[str, object] | None:
    """Return the options as the scheme's fsspec class takes them, or None if s3fs lacks one of them."""
    config = dict(options.config)
    if scheme != "s3":
        return config
    if not config.keys() <= _BOTH | _S3FS_ALONE:
        return None
    config.pop("allow_http", None)  # botocore takes the protocol from the endpoint's URL
    virtual = config.pop("virtual_hosted_style_request", None)
    client = {
        "region_name": config.pop("region", None),
        **_mapping("client_kwargs", config.pop("client_kwargs", {})),
    }
    more = dict(_mapping("config_kwargs", config.pop("config_kwargs", {})))
    if virtual is not None:
        more["s3"] = {"addressing_style": "virtual" if virtual else "path"}
    out = {name: config.pop(ours) for name, ours in _S3FS.items() if ours in config}
    out["client_kwargs"] = {name: value for name, value in client.items() if value is not None}
    return {**out, **config, "config_kwargs": more}


def _s3_config(options: Mapping[str, object], environ: Mapping[str, str]) -> dict[str, object]:
    given = {name: _value(name, value) for name, value in options.items()}
    client = dict(_mapping("client_kwargs", given.pop("client_kwargs", {})))
    translated = {_ALIASES[name]: client.pop(name) for name in [*client] if name in _ALIASES}
    config = translated | {_ALIASES.get(name, name): value for name, value in given.items()}
    if client:
        config["client_kwargs"] = client
    known = _BOTH | _S3FS_ALONE | _OBSTORE_ALONE["s3"]
    if surplus := config.keys() - known:
        raise _unknown_options({name: config[name] for name in surplus}, {*known, *_ALIASES})
    for name, variables in _ENVIRONMENT.items():
        if name == "endpoint" and ignores_endpoints(environ):
            continue
        found = next((environ[v] for v in variables if environ.get(v)), None)
        if found is not None:
            config.setdefault(name, found)
    # A key and a token must have the same origin.
    if not config.keys() & {*_KEYS, "profile", "skip_signature"}:
        keys = {name: environ[v] for name, v in _KEYS.items() if environ.get(v)}
        config |= keys
        if not keys and environ.get("AWS_PROFILE"):
            config["profile"] = environ["AWS_PROFILE"]
    return {name: value for name, value in config.items() if value is not None}


def _unknown_options(
    surplus: Mapping[str, object], known: Iterable[str], also: Iterable[str] = ()
) -> UsageError:
    """Return the error for unknown options; one whose name may be a secret is not named."""
    shown = [name for name, value in surplus.items() if _is_option(name, value)]
    if shown:
        return unknown_name("storage option", shown, known, also)
    listed = ", ".join(sorted(set(known)))
    return UsageError(
        "a storage option has an unknown name, which is not shown since it may be a secret; there are "
        f"{listed}"
    )


def _is_option(name: str, value: object) -> bool:
    """Return True for a name that is no secret: `TOKEN=` in place of `token=TOKEN` has no value."""
    return _NAME.fullmatch(name) is not None and str(value).strip("=") != ""


def ignores_endpoints(environ: Mapping[str, str]) -> bool:
    """Return True if the environment says, as for botocore, that configured endpoints do not count."""
    return environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"


def _value(name: str, value: object) -> object:
    if isinstance(value, str) and _ALIASES.get(name, name) in _BOOLEANS:
        if value.lower() not in _WORDS:
            raise UsageError(f"storage option {name}: write true or false")
        return _WORDS[value.lower()]
    if name == "headers" or name.endswith("_kwargs"):
        return _mapping(name, value)
    return value


def _mapping(name: str, value: object) -> Mapping[str, object]:
    if isinstance(value, str):
        try:
            value = strict_json.loads(value.encode())
        except ValueError:
            value = None
    if not isinstance(value, Mapping):
        raise UsageError(f'storage option {name} is a JSON object: write {{"name": value}}')
    return value


def check_endpoints(config: Mapping[str, object]) -> None:
    """Raise `UsageError` for an endpoint without a scheme: obstore would panic, and others misread it."""
    for name in _ENDPOINTS & config.keys():
        value = str(config[name])
        match = _HOST.match(value.rpartition("@")[2])
        host = match[1] if match else ""
        try:
            parts = urlsplit(value)
            whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            whole = False
        if not whole or value != value.strip():
            raise UsageError(
                f"the endpoint {host!r} is no URL: write http://HOST:PORT or https://HOST, with the "
                f"scheme, in {' or '.join(_ENVIRONMENT['endpoint'][:2])} or the storage option {name}"
            )


def _number(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise UsageError(f"storage option {name} is not a number of zero or more")
    return number


def _secrets(config: Mapping[str, object]) -> Iterator[str]:
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _secrets(value)
        # A shorter value is no secret, and hiding it would garble messages.
        elif isinstance(value, str) and name not in _PUBLIC and len(value) >= 6:
            yield value
