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
- `add_layer`  `wds-imagenet add-layer`.
- `bench`  `wds-imagenet bench`.
- `commands`  All verbs in one group; errors become one readable line and an exit code.
- `demo`  `wds-imagenet demo`.
- `doctor`  `wds-imagenet doctor`.
- `evaluate`  `wds-imagenet evaluate`.
- `index`  `wds-imagenet index`.
- `inspect`  `wds-imagenet info`, `ls` and `cat`: look into a data set.
- `pack`  `wds-imagenet pack SOURCE INPUT DEST`: one subcommand for each source, made from its signature.
- `progress`  What is said while something long runs: a bar on a terminal, a line now and then elsewhere.
- `shared_options`  Options that several verbs share.
- `verify`  `wds-imagenet verify`.
- `view`  `wds-imagenet view`.
"""


def main() -> None:
    """Run `wds-imagenet` with the process's arguments, and exit."""
    from wds_imagenet.cli.commands import run

    run()
