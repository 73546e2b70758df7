"""`wds-imagenet pack SOURCE INPUT DEST`: one subcommand a source, made from the source's signature."""

from typing import TYPE_CHECKING, Any

import click

from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.progress import progress
from wds_imagenet.cli.shared_options import (
    Size,
    as_flags,
    as_json,
    human,
    label_parameters,
    run_parameters,
    storage_option,
    with_template,
)
from wds_imagenet.errors import UsageError
from wds_imagenet.images.header import MAX_PIXELS
from wds_imagenet.shown import shown_url
from wds_imagenet.util.messages import quantity, unknown_name

if TYPE_CHECKING:
    from wds_imagenet.packing.report import PackProgress, PackReport
    from wds_imagenet.sources import Option, Source


class _Sources(click.Group):
    """One subcommand a source."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        from wds_imagenet.sources import SOURCES

        return list(SOURCES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        from wds_imagenet.sources import SOURCES

        return _command(name, SOURCES[name]) if name in SOURCES else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the subcommand of a source, or raise an error that lists all sources."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            raise unknown_name("source", args[:1], known)
        return super().resolve_command(ctx, args)


@click.command(cls=_Sources)
def pack() -> None:
    """Pack a data set as it was released into shards and a manifest, on any store.

    After a crash, the next run continues the work. After a finished run, another run changes nothing.
    """


def _command(name: str, source: "Source") -> click.Command:
    from wds_imagenet.sources import options_of, takes_several

    own = [option for option in options_of(source) if option.name != "split"]
    several = takes_several(source)
    parameters: list[click.Parameter] = [
        click.Argument(["urls"], metavar="INPUT...", nargs=-1, required=True)
        if several
        else click.Argument(["urls"], metavar="INPUT", nargs=1, callback=lambda _, __, value: (value,)),
        click.Argument(["dest"]),
        *map(_source_option, own),
        *label_parameters(),
        *_without(),
        *_common(source),
    ]

    @as_json
    @storage_option
    def run(
        urls: tuple[str, ...],
        dest: str,
        json: bool,
        storage_options: dict[str, str],
        source_storage_options: dict[str, str],
        **options: Any,  # noqa: ANN401 - click's values
    ) -> None:
        from wds_imagenet.packing.api import pack as run_pack

        options = with_template(options)
        if options.pop("strip"):
            options["jpeg"] = _stripped(options["jpeg"])
        if all(_scheme(url) == _scheme(dest) for url in urls):
            source_storage_options = {**storage_options, **source_storage_options}
        if not json:
            echo(f"listing {', '.join(map(shown_url, urls))}", err=True)
        with progress("packing", None, quiet=json) as bar:

            def on_progress(now: "PackProgress") -> None:
                bar.expect(now.bytes_expected)
                of_all = f" of {now.shards}" if now.shards is not None else ""
                bar.update(now.bytes_done, f"shard {now.shards_done}{of_all}")

            report = run_pack(
                name,
                *urls,
                dest=dest,
                storage_options=storage_options,
                source_storage_options=source_storage_options,
                on_progress=on_progress,
                **{option: value for option, value in options.items() if value is not None},
            )
        if json:
            echo_json(report.to_json())
        else:
            echo("\n".join(_lines(report)))

    command = click.command(name, params=parameters, help=_summary(source))(run)
    command.short_help = _summary(source)
    return command


def _source_option(option: "Option") -> click.Option:
    name, text = [_flag(option.name)], _sentence(option.help)
    if option.kind == "flag":
        return click.Option(name, help=text, is_flag=True, default=None)
    return click.Option(name, help=text, type=Size() if option.kind == "size" else str)


def _stripped(jpeg: str) -> str:
    if "optimize" not in jpeg:
        raise UsageError(f"--strip goes with --jpeg optimize, and not with --jpeg {jpeg}")
    return f"{jpeg.removesuffix(':strip')}:strip"


def _without() -> list[click.Parameter]:
    choices = click.Choice(["keep", "drop", "fail"])
    return [
        click.Option(
            ["--without-label"],
            type=choices,
            help="Treatment of an image without a label, or without an entry in a file of --labels: keep "
            "packs it, with the label -1. By default, pack refuses unlabelled images among labelled ones.",
        ),
        click.Option(
            ["--without-caption"],
            type=choices,
            default="keep",
            show_default=True,
            help="Treatment of an image if the file of --captions has no text for it.",
        ),
    ]


def _split_help(source: "Source") -> str:
    from wds_imagenet.sources import options_of

    own = [_sentence(option.help) for option in options_of(source) if option.name == "split"]
    split = own[0] if own else "Split of these images: train (the default), validation, test or another name."
    return (
        f"{split} The split appears in the shards' names and in the manifest. By default, pack shuffles only "
        "train."
    )


def _common(source: "Source") -> list[click.Parameter]:
    return [
        click.Option(
            ["--name"], help="Name of the data set, in the shards' names; by default, the folder of DEST."
        ),
        click.Option(["--split"], help=_split_help(source)),
        click.Option(
            ["--shard-bytes"], type=Size(), show_default="256MiB", help="Approximate size of a shard."
        ),
        click.Option(
            ["--samples-per-shard"], type=click.IntRange(1), help="Samples in a shard, instead of a size."
        ),
        click.Option(
            ["--block-bytes"],
            type=Size(),
            help="Size of the parts that readers fetch; by default 2MiB, or less if the data set is smaller "
            "than 2 GB.",
        ),
        click.Option(
            ["--shuffle/--no-shuffle"],
            default=None,
            help="Put the samples in random order; by default, only of the split train.",
        ),
        click.Option(["--seed"], type=int, default=0, show_default=True, help="Seed of the random order."),
        click.Option(
            ["--window-bytes"],
            type=Size(),
            default=1 << 30,
            show_default="1GiB",
            help="Memory for shuffling an archive that pack can only read from its start.",
        ),
        click.Option(
            ["--jpeg"],
            default="keep",
            show_default=True,
            metavar="POLICY",
            help="keep: store the same bytes. optimize: store the same pixels, for faster crops. "
            "resize=256[:q90]: shrink to this short side; never enlarge. resize=256:optimize: both.",
        ),
        click.Option(
            ["--strip"],
            is_flag=True,
            help="With --jpeg optimize: drop the colour profile and the EXIF orientation, too.",
        ),
        click.Option(
            ["--on-bad"],
            type=click.Choice(["fail", "skip", "repair", "repair-else-skip"]),
            default="fail",
            show_default=True,
            help="Treatment of unusable images. fail: stop at the first. skip: leave them out, and list them "
            "in the report. repair: repair a missing end, CMYK, GIF, BMP and TIFF. "
            "repair-else-skip: repair, or else leave out.",
        ),
        click.Option(
            ["--max-pixels"],
            type=int,
            default=MAX_PIXELS,
            show_default=True,
            help="Most pixels of an image; of a JPEG that --jpeg resizes, at the scale of decoding.",
        ),
        click.Option(
            ["--max-image-bytes"],
            type=Size(),
            default=256 << 20,
            show_default="256MiB",
            help="Most bytes of an image; no larger file is read into memory.",
        ),
        *run_parameters(
            unit="shard",
            dry_run="List and plan, print the result, and write nothing.",
            source="Option of the store of INPUT. If INPUT and DEST use the same kind of store, INPUT also "
            "gets the options of DEST.",
        ),
    ]


def _summary(source: "Source") -> str:
    """Return the first sentence of a source's docstring, with `Pack` for its verb."""
    _, _, rest = (source.__doc__ or "").split("\n\n")[0].partition(" ")
    return f"Pack {rest}"


def _sentence(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}."


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _scheme(url: str) -> str:
    return url.partition("://")[0] if "://" in url else "file"


def _lines(report: "PackReport") -> list[str]:
    planned = report.manifest is None
    lines = [f"note: {as_flags(note)}" for note in report.notes]
    verb = "would pack" if planned else "packed"
    about = "about " if planned else ""
    samples = quantity(report.samples, "samples") if report.samples else "an unknown number of samples"
    shards = quantity(report.shards, "shards") if report.shards else "an unknown number of shards"
    if report.already:
        size = human(report.bytes)
        lines.append(f"{report.url}: already packed, nothing to do: {samples} in {shards} ({size})")
    else:
        size = f"{about}{human(report.bytes)}"
        lines.append(f"{report.url}: {verb} {samples} in {shards} ({size}) in {report.seconds:.1f} s")
    if report.resumed and not report.already:
        had = "was" if report.resumed == 1 else "were"
        lines.append(f"{quantity(report.resumed, 'shards')} of these {had} finished before")
    counts = [(report.skipped, "left out"), (report.repaired, "repaired"), (report.rotated, "rotated")]
    if changes := [f"{quantity(count, 'images')} {change}" for count, change in counts if count]:
        lines.append(f"{' and '.join(changes)}: see .wds-imagenet/report.jsonl")
    if report.url.startswith("memory://") and not planned:
        lines.append("note: memory:// ends with this process: the data set is gone")
    return lines
