"""`wds-imagenet verify`."""

from collections.abc import Iterator

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
def verify(
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
    from wds_imagenet.reading.layers import Layer, list_layers
    from wds_imagenet.reading.verify import Checked, Finding, verify_layer
    from wds_imagenet.reading.verify import verify as check

    dataset = Dataset.open(url, storage_options=storage_options)
    if not dataset.store.listable:
        click.echo(
            "note: over HTTP nothing can be listed, so layers and stray tars are not looked for", err=True
        )
    layers = [Layer.open(dataset.store, dataset.manifest, name) for name in list_layers(dataset.store)]

    def everything() -> Iterator[Checked]:
        yield from check(dataset, deep=deep, threads=threads)
        for layer in layers:
            yield from verify_layer(dataset, layer, threads=threads)

    findings: list[Finding] = []
    done = samples = 0
    total = dataset.manifest.size + sum(layer.manifest.size for layer in layers)
    with progress("verifying", total, quiet=json) as shown:
        for checked in everything():
            done += checked.bytes
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
        size, shards = human(dataset.manifest.size), quantity(len(dataset.manifest.shards), "shards")
        how = "read and decoded" if deep else "read"
        told = f"all as it was packed; {quantity(samples, 'samples')} in {shards} ({size}) {how}"
        if findings:
            whole = f"{samples:,} of {dataset.manifest.samples:,} samples are whole"
            told = f"{quantity(len(findings), 'findings')}; {whole}; {human(done)} of {size} could be {how}"
        click.echo(f"{dataset.url}: {told}")
    return BAD_DATA if findings else 0
