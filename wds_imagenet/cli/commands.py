"""The group of all verbs. An error becomes one readable line and an exit code."""

import errno
import io
import os
import sys
import traceback
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Final, NoReturn

import click

from wds_imagenet import __version__
from wds_imagenet.cli.exit_codes import MEANINGS, ExitCode, exit_code
from wds_imagenet.cli.output import discard, echo, open_closed_streams
from wds_imagenet.cli.shared_options import as_flags
from wds_imagenet.errors import WdsImagenetError
from wds_imagenet.util.messages import unknown_name


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb of the command line."""

    summary: str
    """For the list of all verbs."""
    module: str
    """The module below `wds_imagenet.cli`."""
    attribute: str
    """The command in that module."""


VERBS: Final = {
    "pack": Verb("Pack a released data set into shards and a manifest.", "pack", "pack"),
    "add-layer": Verb("Add labels to a packed data set, beside its shards.", "add_layer", "add_layer"),
    "index": Verb("Write a manifest for existing WebDataset shards.", "index", "index"),
    "verify": Verb("Read a whole data set, and report every fault.", "verify", "verify"),
    "repair": Verb("Mend a damaged data set, or leave damaged shards out.", "repair", "repair"),
    "info": Verb("Print counts, sizes, layers and classes.", "inspect", "info"),
    "ls": Verb("Print the keys.", "inspect", "ls"),
    "cat": Verb("Print one sample.", "inspect", "cat"),
    "view": Verb("Show the samples in a browser.", "view", "view"),
    "bench": Verb("Measure images per second, and find the bottleneck.", "bench", "bench"),
    "evaluate": Verb("Score predictions by the rules of a benchmark.", "evaluate", "evaluate"),
    "doctor": Verb("Print installed parts, and how to make slow parts faster.", "doctor", "doctor"),
    "demo": Verb("Pack, stream and train with drawn pictures.", "demo", "demo"),
}


class _Verbs(click.Group):
    """Imports a verb when it is called, so that `--help` and completion stay fast."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in VERBS:
            return None
        verb = VERBS[name]
        command = getattr(import_module(f"wds_imagenet.cli.{verb.module}"), verb.attribute)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of all verbs, without an import of any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb, or raise an error that lists all verbs."""
        if args[0] not in VERBS and not args[0].startswith("-"):
            raise unknown_name("command", args[:1], VERBS)
        return super().resolve_command(ctx, args)


@click.command(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Exit codes: {', '.join(f'{code.value} {meaning}' for code, meaning in MEANINGS.items())}. "
    "Completion for bash (or zsh, fish): "
    'eval "$(_WDS_IMAGENET_COMPLETE=bash_source wds-imagenet)"',
)
@click.version_option(__version__, prog_name="wds-imagenet")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def commands(debug: bool) -> None:
    """Pack ImageNet-like data into WebDataset shards on any store, and stream it into PyTorch.

    A URL is a local path, or the address of any fsspec store: s3://bucket/prefix, gs://, az://, https://,
    memory://.
    """


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run a command line, and exit with its code.

    Args:
        arguments: The words after `wds-imagenet`; by default those of this process.
    """
    open_closed_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = commands.main(arguments, prog_name="wds-imagenet", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        _show(error)
        sys.exit(ExitCode.USAGE)
    except click.ClickException as error:
        _show(error)
        sys.exit(ExitCode.FAILED)
    except (KeyboardInterrupt, click.Abort):
        echo("interrupted", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        discard(sys.stdout)
        sys.exit(ExitCode.FAILED)
    except OSError as error:  # of our own output, such as a full disk: a store raises StoreError
        discard(sys.stdout)
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            from wds_imagenet.storage.os_errors import TOO_MANY_FILES

            error.add_note(TOO_MANY_FILES)
        _print_error(error, arguments)
        sys.exit(ExitCode.FAILED)
    except WdsImagenetError as error:
        _print_error(error, arguments)
        sys.exit(exit_code(error))
    sys.exit(code if isinstance(code, int) else ExitCode.DONE)


def _show(error: click.ClickException) -> None:
    text = io.StringIO()
    error.show(text)
    echo(text.getvalue().rstrip(), err=True)


def print_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None = None
) -> None:
    """Print a traceback as Python does, but no secret in it: this is the hook for uncaught exceptions."""
    _echo_error("".join(traceback.format_exception(kind, error, trace)).rstrip())


def _print_error(error: Exception, arguments: list[str]) -> None:
    if "--debug" in arguments:
        print_traceback(type(error), error, error.__traceback__)
    _echo_error(f"error: {one_line(error)}")


def _echo_error(text: str) -> None:
    """Print a text without the credentials of the environment."""
    from wds_imagenet.storage.failures import redact
    from wds_imagenet.storage.secrets import environment_secrets

    echo(redact(text, environment_secrets(os.environ)), err=True)


def one_line(error: BaseException) -> str:
    """Return the message and the notes of an error in one line, with options as flags."""
    notes: list[str] = list(dict.fromkeys(getattr(error, "__notes__", ())))
    return as_flags(" ".join("; ".join([str(error), *notes]).split()))
