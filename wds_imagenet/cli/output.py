"""Lines on the terminal: no secret of a URL, and no control character of a data set, is printed."""

import os
import sys
from typing import TextIO

import click

from wds_imagenet.shown import shown_json, shown_name, shown_text
from wds_imagenet.util import strict_json


def echo(text: str, *, err: bool = False) -> None:
    """Print a message, of one line or several, as `shown_text` returns it.

    Args:
        text: The message.
        err: True prints it on standard error; one that cannot be written is ignored.
    """
    try:
        click.echo(shown_text(text), err=err)
    except OSError:  # a full disk behind standard error fails no run
        if not err:
            raise
        discard(sys.stderr)


def echo_values(text: str) -> None:
    """Print one line with names or values of a data set; URLs among them stay whole."""
    click.echo(shown_name(text))


def echo_json(value: object) -> None:
    """Print a JSON value, with unprintable characters written as escapes."""
    click.echo(shown_json(strict_json.dumps(value).decode()))


def open_closed_streams() -> None:
    """Open the null device in place of a standard output or error that the caller closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open to the end
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def discard(stream: TextIO) -> None:
    """Send the rest of a stream nowhere: Python flushes it at exit, and would fail once more."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
