"""All verbs in one group; errors become one readable line and an exit code.

Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 the data is bad, 130 interrupted (SIGINT), 143
terminated (SIGTERM; a shell's number for it where nothing had to be cleaned up first).
"""

import os
import sys
import traceback
from importlib import import_module
from typing import Final, NoReturn

import click

from wds_imagenet import __version__
from wds_imagenet.cli.shared_options import as_flags
from wds_imagenet.errors import DataError, UsageError, WdsImagenetError
from wds_imagenet.util.messages import unknown_name

_HOMES: Final = {
    "pack": "pack",
    "index": "index",
    "add-layer": "add_layer",
    "verify": "verify",
    "info": "inspect",
    "ls": "inspect",
    "cat": "inspect",
    "view": "view",
    "bench": "bench",
    "evaluate": "evaluate",
    "doctor": "doctor",
    "demo": "demo",
}
FAILED, USAGE, BAD_DATA, INTERRUPTED = 1, 2, 3, 130


class _Verbs(click.Group):
    """Imports a verb when it is called, so that `--help` and completion stay quick."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_HOMES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in _HOMES:
            return None
        command = getattr(import_module(f"wds_imagenet.cli.{_HOMES[name]}"), name.replace("-", "_"))
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which verbs there are, to whom says another."""
        if args[0] not in _HOMES and not args[0].startswith("-"):
            raise unknown_name("command", args[:1], _HOMES)
        return super().resolve_command(ctx, args)


@click.command(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 it failed, 2 wrong usage, 3 the data is bad, 130 interrupted, "
    "143 terminated. "
    "Completion for bash (or zsh, fish): "
    'eval "$(_WDS_IMAGENET_COMPLETE=bash_source wds-imagenet)"',
)
@click.version_option(__version__, prog_name="wds-imagenet")
@click.option("--debug", is_flag=True, help="Show the whole traceback of an error.")
def commands(debug: bool) -> None:
    """Pack ImageNet-like data into WebDataset shards on any store, and stream it into PyTorch.

    URLs are local paths or those of any fsspec store: s3://bucket/prefix, gs://, az://, memory://.
    """


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run a command line and exit with its code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = commands.main(arguments, prog_name="wds-imagenet", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE)
    except click.ClickException as error:
        error.show()
        sys.exit(FAILED)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has had enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except OSError as error:  # stores raise none: what we write to is full, say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _tell(error, arguments)
        sys.exit(FAILED)
    except WdsImagenetError as error:
        _tell(error, arguments)
        sys.exit(exit_code(error))
    sys.exit(code if isinstance(code, int) else 0)


def _tell(error: Exception, arguments: list[str]) -> None:
    if "--debug" in arguments:
        traceback.print_exc()
    click.echo(f"error: {one_line(error)}", err=True)


def one_line(error: BaseException) -> str:
    """Return an error's message and its notes in one line, options as they are written here."""
    notes: list[str] = list(dict.fromkeys(getattr(error, "__notes__", ())))
    return as_flags(" ".join("; ".join([str(error), *notes]).split()))


def exit_code(error: WdsImagenetError) -> int:
    """Return the exit code that an error ends with."""
    if isinstance(error, UsageError):
        return USAGE
    return BAD_DATA if isinstance(error, DataError) else FAILED
