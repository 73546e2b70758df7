"""`wds-imagenet verify`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from wds_imagenet.cli.exit_codes import ExitCode
from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.progress import progress
from wds_imagenet.cli.shared_options import as_flags, as_json, human, storage_option
from wds_imagenet.images.header import MAX_PIXELS
from wds_imagenet.util.messages import quantity

if TYPE_CHECKING:
    from wds_imagenet.format.manifest import Manifest
    from wds_imagenet.reading.verify import VerifyProgress, VerifyReport


@click.command()
@click.argument("url")
@click.option("--deep", is_flag=True, help="Decode every image as well.")
@click.option(
    "--max-pixels",
    default=MAX_PIXELS,
    show_default=True,
    type=click.IntRange(1),
    help="Most pixels of an image that --deep decodes.",
)
@click.option(
    "--threads", default=4, show_default=True, type=click.IntRange(1), help="Threads that read and check."
)
@storage_option
@as_json
def verify(
    url: str,
    deep: bool,
    max_pixels: int,
    threads: int,
    storage_options: dict[str, str],
    json: bool,
) -> int:
    """Read the whole data set at URL, and report every difference from what was packed.

    verify compares sizes, the checksum of each block and shard, the tar structure, keys, labels, classes and
    JSON, and each image with its hash. It verifies the label layers, the plan, keys.txt, the report, the
    receipts and the files of other readers too. It exits with code 3 if it finds a difference.
    """
    from wds_imagenet.reading.dataset import Dataset
    from wds_imagenet.reading.verify import verify as verify_data_set

    dataset = Dataset.open(url, storage_options=storage_options)
    if not dataset.store.listable:
        echo("note: HTTP lists no files: layers, receipts and stray tars are not looked for", err=True)
    with progress("verifying", None, quiet=json) as bar:

        def on_progress(now: "VerifyProgress") -> None:
            for finding in () if json else now.findings:
                echo(as_flags(f"bad: {finding}"))
            bar.expect(now.total_bytes)
            bar.update(now.bytes, f"{now.samples:,} samples")

        report = verify_data_set(
            dataset, deep=deep, max_pixels=max_pixels, threads=threads, on_progress=on_progress
        )
    if json:
        echo_json({"ok": report.ok, **asdict(report)})
    else:
        for note in report.notes:
            echo(as_flags(f"note: {note}"))
        echo(f"{report.url}: {_summary(report, dataset.manifest, deep=deep)}")
    return ExitCode.DONE if report.ok else ExitCode.BAD_DATA


def _summary(report: "VerifyReport", manifest: "Manifest", *, deep: bool) -> str:
    done = "read and decoded" if deep else "read"
    if report.ok:
        shards = f"{quantity(len(manifest.shards), 'shards')} ({human(manifest.size)})"
        origin = "indexed" if manifest.plan is None else "packed"
        return f"all as it was {origin}; {quantity(report.samples, 'samples')} in {shards} {done}"
    return (
        f"{quantity(len(report.findings), 'findings')}; {report.samples:,} of {report.expected_samples:,} "
        f"samples are whole; {human(report.bytes)} of {human(report.expected_bytes)} could be {done}"
    )
