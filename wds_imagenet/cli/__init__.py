"""The command line: parse, call the library, print, and end with the right code.

commands.py   the group of all verbs, and how an error becomes one line and an exit code
options.py    options that several verbs share
progress.py   what is said while something long runs
pack.py       pack SOURCE INPUT DEST, one subcommand a source
index.py      index, for shards that others wrote
relabel.py    relabel
verify.py     verify
inspect.py    info, ls and cat
view.py       view
bench.py      bench
evaluate.py   evaluate
doctor.py     doctor
demo.py       demo
"""


def main() -> None:
    """Run `wds-imagenet` with the process's arguments, and exit."""
    from wds_imagenet.cli.commands import run

    run()
