"""`wds-imagenet verify`."""

from typing import TYPE_CHECKING

import click

from wds_imagenet.cli.exit_codes import ExitCode
from wds_imagenet.cli.progress import progress
from wds_imagenet.cli.shared_options import as_json, human, storage_option
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import counted

if TYPE_CHECKING:
    from wds_imagenet.reading.verify_report import VerifyProgress, VerifyReport


@click.command()
@click.argument("url")
@click.option("--deep", is_flag=True, help="Decode every image as well.")
@click.option(
    "--threads", default=4, show_default=True, type=click.IntRange(1), help="Threads that read and check."
)
@storage_option
@as_json
def verify(
    url: str,
    deep: bool,
    threads: int,
    storage_options: dict[str, str],
    json: bool,
) -> int:
    """Read the whole data set at URL, and report every difference from what was packed.

    Compares sizes, the checksum of each block and shard, the tar structure, keys, labels and JSON, and each
    image with its hash. Verifies the label layers too. Exits with code 3 if anything differs.
    """
    from wds_imagenet.reading.verify_report import verify as verify_data_set

    with progress("verifying", None, quiet=json) as bar:

        def on_progress(now: "VerifyProgress") -> None:
            for finding in () if json else now.findings:
                click.echo(f"bad: {finding}")
            bar.expect(now.bytes_expected)
            bar.update(now.bytes_done, f"{now.samples_done:,} samples")

        report = verify_data_set(
            url, deep=deep, threads=threads, storage_options=storage_options, on_progress=on_progress
        )
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(strict_json.dumps(report.to_json()).decode() if json else _summary(report, deep=deep))
    return ExitCode.DONE if report.ok else ExitCode.BAD_DATA


def _summary(report: "VerifyReport", *, deep: bool) -> str:
    done = "read and decoded" if deep else "read"
    size = human(report.bytes_expected)
    if report.ok:
        amount = f"{counted(report.samples, 'sample')} in {counted(report.shards, 'shard')} ({size})"
        return f"{report.url}: all as it was packed; {amount} {done}"
    return (
        f"{report.url}: {counted(len(report.findings), 'finding')}; {report.samples:,} of "
        f"{report.samples_expected:,} samples are whole; {human(report.bytes)} of {size} could be {done}"
    )
