"""`wds-imagenet verify`."""

import click

from wds_imagenet import strict_json
from wds_imagenet.cli.commands import BAD_DATA
from wds_imagenet.cli.options import as_json, human, storage_option
from wds_imagenet.cli.progress import progress


@click.command()
@click.argument("url")
@click.option("--deep", is_flag=True, help="Decode every image as well.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1))
@storage_option
@as_json
def verify(
    url: str,
    deep: bool,
    threads: int,
    storage_options: dict[str, str],
    json: bool,
) -> int:
    """Read the whole data set at URL and report everything that is not as it was packed.

    Sizes, the checksum of each block and shard, the tar structure, keys, labels, JSON, and each image
    against its hash. Ends with 3 if anything is wrong.
    """
    from wds_imagenet.reading.dataset import Dataset
    from wds_imagenet.reading.verify import Finding
    from wds_imagenet.reading.verify import verify as check

    dataset = Dataset.open(url, **storage_options)
    findings: list[Finding] = []
    done = samples = 0
    with progress("verifying", dataset.manifest.size, quiet=json) as shown:
        for checked in check(dataset, deep=deep, threads=threads):
            done += checked.extent.block.size if checked.keys else 0
            samples += len(checked.keys)
            findings += checked.findings
            for finding in () if json else checked.findings:
                click.echo(f"bad: {finding}")
            shown.update(done, f"{samples:,} samples")
    if json:
        problems = [{"what": f.what, "shard": f.shard, "offset": f.offset, "key": f.key} for f in findings]
        report = {"url": dataset.url, "ok": not findings, "samples": samples, "findings": problems}
        click.echo(strict_json.dumps(report).decode())
    else:
        size = human(dataset.manifest.size)
        shards = len(dataset.manifest.shards)
        verdict = f"{len(findings)} findings" if findings else "all as it was packed"
        how = "read and decoded" if deep else "read"
        click.echo(f"{dataset.url}: {verdict}; {samples:,} samples in {shards} shards ({size}) {how}")
    return BAD_DATA if findings else 0
