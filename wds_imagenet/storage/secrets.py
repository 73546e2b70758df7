"""The secrets that messages must not show: those of the environment, and replies about credentials. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

_PREFIX: Final = re.compile(
    r"(?:AWS|AZURE|GOOGLE|GCS|GCP|HF|HUGGING_FACE|HUGGINGFACE)_|IDENTITY_HEADER|MSI_SECRET"
)
_SECRET: Final = re.compile(
    r"KEY|SECRET|TOKEN|PASSWORD|(?:^|_)SAS(?:_|$)|CREDENTIAL|CONNECTION_STRING|SERVICE_ACCOUNT|IDENTITY_HEADER"
)
_FILE: Final = re.compile(r"_FILE$|_PATH$|CREDENTIALS$|SERVICE_ACCOUNT$")
"""The name of a variable whose value is the path of a file."""
_IS_PATH: Final = re.compile(r"(?:[~.]{0,2}/|[A-Za-z]:\\).{0,1024}|[\w. /\\-]{1,256}\.json", re.DOTALL)
_PUBLIC: Final = re.compile(r"_UR[IL]$|_ENDPOINT$|_REGION$|_DISABLED$")
_ADDRESS: Final = re.compile(r"(?:AZURE|GOOGLE)_.*(?:ENDPOINT|URL)")
"""The name of a variable whose value obstore quotes if it is no URL."""
_SHORTEST: Final = 6
"""A shorter value is no secret, and hiding it would garble messages."""
_REPLIES: Final = frozenset({"CredentialRetrievalError", "MetadataRetrievalError"})
"""botocore's classes of errors whose text quotes a server's reply or a program's output."""


def environment_secrets(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the credentials in environment variables of AWS, Azure, Google and Hugging Face.

    Paths of files are none. JSON in place of a path is one, and so is each text in it.

    Args:
        environ: the environment variables.
    """
    return frozenset(
        form
        for name, value in environ.items()
        if _PREFIX.match(name) and _is_secret(name, value)
        for secret in (value, *_texts(value))
        if len(secret) >= _SHORTEST
        for form in (secret, json.dumps(secret)[1:-1])
    )


def credentials_fault(error: BaseException | None) -> str | None:
    """Return the reason why credentials could not be read; None if an error and its causes state another.

    It names the kind of credentials and the status, and has no text of the reply.

    Args:
        error: any exception.
    """
    kind = status = None
    while error is not None:
        if _REPLIES & {base.__name__ for base in type(error).__mro__}:
            kind = kind or str(getattr(error, "kwargs", {}).get("provider", "a server"))
            status = status or re.search(r"\bresponse (\d{3})\b", str(error))
        error = error.__cause__ or error.__context__
    if kind is None:
        return None
    if kind == "custom-process":
        return "the program of credential_process failed or printed no credentials: run it yourself"
    return f"no credentials were had from {kind!r}" + (f": status {status[1]}" if status else "")


def _is_secret(name: str, value: str) -> bool:
    if value.lstrip().startswith("{") or (_ADDRESS.match(name) and "://" not in value):
        return True
    if not _SECRET.search(name) or _PUBLIC.search(name):
        return False
    return not (_FILE.search(name) and _IS_PATH.fullmatch(value))


def _texts(value: str) -> Iterator[str]:
    """Yield the texts in JSON; nothing for a value that is none."""
    try:
        pending = [json.loads(value)] if value.lstrip().startswith("{") else []
    except (ValueError, RecursionError):
        return
    while pending:
        found = pending.pop()
        if isinstance(found, dict):
            pending += [item for name, item in found.items() if name != "type"]
        elif isinstance(found, list):
            pending += found
        elif isinstance(found, str):
            yield found
