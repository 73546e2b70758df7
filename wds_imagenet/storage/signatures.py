"""The query of an HTTP URL without its signature: the part that decides which bytes come. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from wds_imagenet.storage.url import is_http

_SIGNATURE: Final = re.compile(
    r"x-(?:amz|goog|oss)-.*|signature|sig|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid|"
    r"ossaccesskeyid|security-token|token|access_token",
    re.IGNORECASE,
)
_OF_AZURE: Final = re.compile(
    r"s[vestrpi]|ss|srt|spr|sip|sdd|skoid|sktid|skt|ske|sks|skv|saoid|suoid|scid|rs(?:cc|cd|ce|cl|ct)"
)
"""Names that are short enough to mean something else on another server, unless `sig` stands beside them."""


def identifying_query(url: str) -> str:
    """Return the query of an HTTP URL without the parameters of a signature, in its order; else "".

    Signatures of Amazon S3, CloudFront, Google, Azure and Alibaba, and tokens, do not change the bytes.
    """
    if not is_http(url):
        return ""
    parts = url.partition("#")[0].partition("?")[2].split("&")
    names = [part.partition("=")[0] for part in parts]
    azure = any(name.lower() == "sig" for name in names)
    return "&".join(
        part
        for part, name in zip(parts, names, strict=True)
        if not (_SIGNATURE.fullmatch(name) or (azure and _OF_AZURE.fullmatch(name)))
    )


def identifying_queries(urls: Iterable[str]) -> dict[str, list[str]]:
    """Return the identifying queries of a stream's URLs as a part of its identity; {} if none has one."""
    queries = [identifying_query(url) for url in urls]
    return {"queries": queries} if any(queries) else {}
