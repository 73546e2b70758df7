"""`wds-imagenet pack SOURCE INPUT DEST`: one subcommand for each source, made from its signature."""

from typing import TYPE_CHECKING, Any

import click

from wds_imagenet import strict_json
from wds_imagenet.cli.options import Size, as_json, human, parse_pairs, storage_option
from wds_imagenet.cli.progress import progress

if TYPE_CHECKING:
    from wds_imagenet.packing.pack import PackReport, Progress
    from wds_imagenet.sources import Source


class _Sources(click.Group):
    """One subcommand a source."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        from wds_imagenet.sources import SOURCES

        return list(SOURCES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        from wds_imagenet.sources import SOURCES

        return _command(name, SOURCES[name]) if name in SOURCES else None


@click.command(cls=_Sources)
def pack() -> None:
    """Pack a data set as it was released into shards and a manifest, on any store.

    Run again after a crash, it goes on where it was; run again after the end, it changes nothing.
    """


def _command(name: str, source: "Source") -> click.Command:
    from wds_imagenet.sources import options_of

    own = [option for option in options_of(source) if option.name != "split"]
    parameters: list[click.Parameter] = [
        click.Argument(["url"], metavar="INPUT"),
        click.Argument(["dest"]),
        *(click.Option([_flag(option.name)], help=_sentence(option.help)) for option in own),
        *_common(),
    ]

    @as_json
    @storage_option
    def run(
        url: str,
        dest: str,
        json: bool,
        storage_options: dict[str, str],
        source_options: dict[str, str],
        **options: Any,  # noqa: ANN401 - click's values
    ) -> None:
        from wds_imagenet.packing.pack import pack as run_pack

        if _scheme(url) == _scheme(dest):
            source_options = {**storage_options, **source_options}
        if not json:
            click.echo(f"listing {url}", err=True)
        with progress("packing", None, quiet=json) as shown:

            def on_progress(now: "Progress") -> None:
                shown.expect(now.bytes_expected)
                shown.update(now.bytes_done, f"shard {now.shards_done} of {now.shards}")

            report = run_pack(
                name,
                url,
                dest=dest,
                storage_options=storage_options,
                source_options=source_options,
                on_progress=on_progress,
                **{option: value for option, value in options.items() if value is not None},
            )
        click.echo(strict_json.dumps(report.to_json()) if json else "\n".join(_lines(report)))

    command = click.command(name, params=parameters, help=_summary(source))(run)
    command.short_help = _summary(source)
    return command


def _common() -> list[click.Parameter]:
    return [
        click.Option(["--name"], help="The data set's name, in the shards' names; DEST's folder by default."),
        click.Option(["--split"], help="train, validation, test or another; as the source tells, or train."),
        click.Option(
            ["--shard-bytes"], type=Size(), default=256 << 20, show_default="256MiB", help="About how large."
        ),
        click.Option(["--samples-per-shard"], type=click.IntRange(1), help="Instead of --shard-bytes."),
        click.Option(
            ["--block-bytes"],
            type=Size(),
            default=2 << 20,
            show_default="2MiB",
            help="What is fetched as one.",
        ),
        click.Option(
            ["--shuffle/--no-shuffle"], default=None, help="In a random order; by default if split is train."
        ),
        click.Option(["--seed"], type=int, default=0, show_default=True, help="Of the order."),
        click.Option(
            ["--jpeg"],
            default="keep",
            show_default=True,
            help="keep the bytes, or resize=256[:q90]: short side, never upscaled.",
        ),
        click.Option(
            ["--on-bad"],
            type=click.Choice(["fail", "skip", "repair"]),
            default="fail",
            show_default=True,
            help="What to do with an image that cannot be used.",
        ),
        click.Option(["--workers"], type=click.IntRange(1), help="Processes; all CPUs by default."),
        click.Option(["--dry-run"], is_flag=True, help="Plan, say what would be done, and write nothing."),
        click.Option(
            ["--source-storage-option", "source_options"],
            multiple=True,
            metavar="NAME=VALUE",
            callback=parse_pairs,
            help="An option of INPUT's store; DEST's options count for it too where both are of one kind.",
        ),
    ]


def _summary(source: "Source") -> str:
    return (source.__doc__ or "").split("\n\n")[0]


def _sentence(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}."


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _scheme(url: str) -> str:
    return url.partition("://")[0] if "://" in url else "file"


def _lines(report: "PackReport") -> list[str]:
    planned = report.manifest is None
    lines = [f"note: {note}" for note in report.notes]
    verb = "would pack" if planned else "packed"
    about = "about " if planned else ""
    lines.append(
        f"{report.url}: {verb} {report.samples:,} samples in {report.shards} shards "
        f"({about}{human(report.bytes)}) in {report.seconds:.1f} s"
    )
    if report.resumed:
        lines.append(f"{report.resumed} shards had been finished before")
    if report.skipped or report.repaired:
        lines.append(
            f"{report.skipped} images left out, {report.repaired} repaired: see .wds-imagenet/report.jsonl"
        )
    return lines
