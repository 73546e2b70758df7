"""The command line: parse the options, call the library, print the result, and exit with its code.

How a verb runs:

- `commands`        the group of all verbs, and how an error becomes one line
- `exit_codes`      the exit codes, and the code of each error
- `shared_options`  options that several verbs take, and the texts that they print alike
- `output`          lines on the terminal, without secrets and control characters
- `progress`        a progress bar on a terminal, a line now and then elsewhere

One module a verb, which calls the library late so that `--help` stays fast:

- `pack`       `pack SOURCE INPUT DEST`, one subcommand a source
- `add_layer`  `add-layer`
- `index`      `index`
- `verify`     `verify`
- `repair`     `repair`
- `inspect`    `info`, `ls` and `cat`
- `view`       `view`
- `bench`      `bench`
- `evaluate`   `evaluate`
- `doctor`     `doctor`
- `demo`       `demo`
"""


def main() -> None:
    """Run `wds-imagenet` with the arguments of this process, and exit."""
    import sys

    try:
        from wds_imagenet.cli.commands import print_traceback, run

        sys.excepthook = print_traceback
        run()
    except (KeyboardInterrupt, RuntimeError) as error:  # `run` handles all but a Ctrl-C during an import
        # Python 3.11 wraps a Ctrl-C that comes while a class is made.
        if KeyboardInterrupt not in {type(error), type(error.__cause__)}:
            raise
        sys.stderr.write("interrupted\n")
        sys.exit(130)
