"""An HTTP answer, and what a fault makes of it. Pure."""

from dataclasses import dataclass, replace
from typing import Final

Headers = tuple[tuple[str, str], ...]

_HOP: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length"})
_ERROR: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>a fault</Message></Error>'
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `length` is the length that it announces."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    length: int

    def head(self) -> bytes:
        """Return the status line and the headers, as they are sent."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers if name.lower() not in _HOP]
        if self.status not in {204, 304}:
            lines.append(f"Content-Length: {self.length}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def with_header(self, name: str, value: str) -> "Answer":
        rest = tuple((key, old) for key, old in self.headers if key.lower() != name.lower())
        return replace(self, headers=(*rest, (name, value)))


def error_answer(status: int, code: str, *more: tuple[str, str]) -> Answer:
    """Return an answer with S3's error body; a status of 200 has one too."""
    body = _ERROR.format(code).encode()
    return Answer(status, code, (("Content-Type", "application/xml"), *more), body, len(body))


def in_place_of(fault: str, retry_after: int) -> Answer:
    """Return the answer of a store that has not carried out the request."""
    match fault:
        case "503":
            return error_answer(503, "SlowDown", ("Retry-After", str(retry_after)))
        case "429":
            return error_answer(429, "TooManyRequests", ("Retry-After", str(retry_after)))
        case "500":
            return error_answer(500, "InternalError")
        case "expired token":
            return error_answer(400, "ExpiredToken")
        case "200 error":
            return error_answer(200, "InternalError")
        case "200 empty":
            return Answer(200, "OK", (), b"", 0)
    raise ValueError(fault)


def changed(fault: str, answer: Answer) -> Answer:
    """Return an answer that has a fault, whose bytes still come in one piece."""
    if fault == "other range":
        return _other_range(answer)
    body, length, middle = answer.body, answer.length, len(answer.body) // 2
    if fault == "long length":
        length += 7
    elif fault == "huge length":
        length = 10**15
    elif fault == "short length":
        body, length = body[:-7], max(0, length - 7)
    elif fault == "shifted bytes":
        body = body[1:] + b"\0" * bool(body)
    elif fault in {"flipped byte", "replaced"} and body:
        body = body[:middle] + bytes([body[middle] ^ 0x10]) + body[middle + 1 :]
    found = replace(answer, body=body, length=length)
    return found.with_header("ETag", f'"{"0123456789abcdef" * 2}"') if fault == "replaced" else found


def _other_range(answer: Answer) -> Answer:
    """Return an answer for the range that begins a byte later, with a Content-Range that says so."""
    value = answer.header("content-range")
    if answer.status != 206 or not value.startswith("bytes "):
        return answer
    span, _, size = value.removeprefix("bytes ").partition("/")
    first, _, last = span.partition("-")
    body = answer.body[1:]
    moved = answer.with_header("Content-Range", f"bytes {int(first) + 1}-{last}/{size}")
    return replace(moved, body=body, length=len(body))
