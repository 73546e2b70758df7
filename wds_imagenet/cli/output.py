"""Lines on the terminal: no secret of a URL, and no control character of a data set, is printed."""

import click

from wds_imagenet.shown import shown_json, shown_name, shown_text
from wds_imagenet.util import strict_json


def echo(text: str, *, err: bool = False) -> None:
    """Print a message, of one line or several, as `shown_text` returns it.

    Args:
        text: The message.
        err: True prints it on standard error.
    """
    click.echo(shown_text(text), err=err)


def echo_values(text: str) -> None:
    """Print one line with names or values of a data set; URLs among them stay whole."""
    click.echo(shown_name(text))


def echo_json(value: object) -> None:
    """Print a JSON value, with unprintable characters written as escapes."""
    click.echo(shown_json(strict_json.dumps(value).decode()))
