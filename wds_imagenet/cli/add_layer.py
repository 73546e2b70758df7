"""`wds-imagenet add-layer URL`."""

from typing import TYPE_CHECKING, Any

import click

from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.shared_options import (
    as_flags,
    as_json,
    human,
    label_parameters,
    run_parameters,
    storage_option,
    with_template,
)
from wds_imagenet.util.messages import quantity

if TYPE_CHECKING:
    from wds_imagenet.packing.report import LayerReport


@as_json
@storage_option
def _run(
    url: str,
    storage_options: dict[str, str],
    source_storage_options: dict[str, str],
    json: bool,
    **options: Any,  # noqa: ANN401 - click's values
) -> None:
    """Add labels from label files to the data set at URL, as a layer beside its shards.

    add-layer reads and writes no image. A reader uses a layer only if you name it: Loader(URL, ...,
    layers=["real"]). After a crash, the next run continues the work. After a finished run, another run
    changes nothing.
    """
    from wds_imagenet.packing.add_layer import add_layer as write_layer

    if not json:
        echo("reading the label files", err=True)
    report = write_layer(
        url,
        storage_options=storage_options,
        source_storage_options={**storage_options, **source_storage_options},
        **with_template(options),
    )
    if json:
        echo_json(report.to_json())
    else:
        echo("\n".join(_lines(report)))


add_layer = click.command(
    "add-layer",
    params=[
        click.Argument(["url"]),
        *label_parameters(),
        click.Option(
            ["--layer"], metavar="NAME", help="Name of the layer; by default, the names of its label files."
        ),
        *run_parameters(
            unit="tar",
            dry_run="Plan, print the result, and write nothing.",
            source="Option of the store of the label files. It overrides that option of the store of URL.",
        ),
    ],
)(_run)


def _lines(report: "LayerReport") -> list[str]:
    lines = [f"note: {as_flags(note)}" for note in report.notes]
    gives = [*report.suffixes, *(f"json.{name}" for name in report.fields)]
    gives += [f"classes.{name}" for name in report.classes]
    verb = "would write" if report.manifest is None else "wrote"
    size = "" if report.manifest is None else f" ({human(report.bytes)})"
    of = f"{quantity(report.samples, 'samples')}{size}" if report.suffixes else "classes alone"
    lines.append(f"{report.url}: {verb} the layer {report.layer!r} of {of}, which gives {', '.join(gives)}")
    if report.resumed:
        were = "was" if report.resumed == 1 else "were"
        lines.append(f"{report.resumed:,} of its {quantity(report.shards, 'tars')} {were} finished before")
    return lines
