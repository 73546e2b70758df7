"""`wds-imagenet verify`."""

import click

from wds_imagenet.cli.commands import BAD_DATA
from wds_imagenet.cli.progress import progress
from wds_imagenet.cli.shared_options import as_json, human, storage_option
from wds_imagenet.util import strict_json
from wds_imagenet.util.messages import quantity


@click.command()
@click.argument("url")
@click.option("--deep", is_flag=True, help="Decode every image as well.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1))
@storage_option
@as_json
def verify_blocks(
    url: str,
    deep: bool,
    threads: int,
    storage_options: dict[str, str],
    json: bool,
) -> int:
    """Read the whole data set at URL and report everything that is not as it was packed.

    Sizes, the checksum of each block and shard, the tar structure, keys, labels, JSON, and each image
    against its hash; its label layers too. Ends with 3 if anything is wrong.
    """
    from wds_imagenet.reading.dataset import Dataset
    from wds_imagenet.reading.verify import VerifyProgress
    from wds_imagenet.reading.verify import verify as verify_dataset

    dataset = Dataset.open(url, storage_options=storage_options)
    if not dataset.store.listable:
        click.echo(
            "note: over HTTP nothing can be listed, so layers and stray tars are not looked for", err=True
        )
    with progress("verifying", None, quiet=json) as shown:

        def on_progress(now: VerifyProgress) -> None:
            for finding in () if json else now.findings:
                click.echo(f"bad: {finding}")
            shown.expect(now.total_bytes)
            shown.update(now.bytes, f"{now.samples:,} samples")

        report = verify_dataset(dataset, deep=deep, threads=threads, on_progress=on_progress)
    findings, samples, done = report.findings, report.samples, report.bytes
    if json:
        problems = [{"what": f.what, "shard": f.shard, "offset": f.offset, "key": f.key} for f in findings]
        fields = {"url": dataset.url, "ok": report.ok, "samples": samples, "findings": problems}
        click.echo(strict_json.dumps(fields).decode())
    else:
        size, shards = human(dataset.manifest.size), quantity(len(dataset.manifest.shards), "shards")
        how = "read and decoded" if deep else "read"
        told = f"all as it was packed; {quantity(samples, 'samples')} in {shards} ({size}) {how}"
        if findings:
            whole = f"{samples:,} of {dataset.manifest.samples:,} samples are whole"
            told = f"{quantity(len(findings), 'findings')}; {whole}; {human(done)} of {size} could be {how}"
        click.echo(f"{dataset.url}: {told}")
    return BAD_DATA if findings else 0
