"""`wds-imagenet bench`."""

from dataclasses import asdict

import click

from wds_imagenet.cli.output import echo, echo_json
from wds_imagenet.cli.shared_options import Size, as_json, human, storage_option


@click.command()
@click.argument("url")
@click.option(
    "--batch-size", default=256, show_default=True, type=click.IntRange(1), help="Samples per batch."
)
@click.option(
    "--crop",
    default=224,
    show_default=True,
    type=click.IntRange(1),
    help="Side of RandomResizedCrop, in pixels.",
)
@click.option(
    "--threads", default=None, type=click.IntRange(1), help="Decoding threads; by default one per CPU."
)
@click.option(
    "--seconds",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Duration after the first batch.",
)
@click.option(
    "--process", is_flag=True, help="Run the loader in its own process, as Loader(process=True) does."
)
@click.option(
    "--prefetch-bytes",
    default=64 << 20,
    type=Size(),
    show_default="64MiB",
    help="Bytes of blocks that are fetched in advance.",
)
@storage_option
@as_json
def bench(
    url: str,
    batch_size: int,
    crop: int,
    threads: int | None,
    seconds: float,
    process: bool,
    prefetch_bytes: int,
    storage_options: dict[str, str],
    json: bool,
) -> None:
    """Stream the data set at URL, and print images per second, CPU time by stage, and the bottleneck.

    bench makes uint8 batches with RandomResizedCrop and flips, as in training, and discards each batch. The
    timing starts at the first batch. With --process, bench counts CPU time and memory of both processes.
    """
    from wds_imagenet import Dataset, Loader, RandomResizedCrop
    from wds_imagenet.reading.benchmark import measure, verdict

    transform = RandomResizedCrop(crop, flip=True)
    dataset = Dataset.open(url, storage_options=storage_options)
    with Loader(
        dataset, transform, batch_size, threads=threads, prefetch_bytes=prefetch_bytes, process=process
    ) as loader:
        measured = measure(loader, seconds)
    stats = measured.stats
    if json:
        facts = {
            "images_per_second": measured.images_per_second,
            "seconds": measured.seconds,
            "cpu_seconds": measured.cpu_seconds,
            "peak_bytes": measured.peak_bytes,
            "threads": measured.threads,
            **asdict(stats),
            "interpreter_cpu_seconds": stats.interpreter_cpu_seconds,
            "verdict": verdict(measured),
        }
        echo_json(facts)
        return

    def per_image(total: float) -> str:
        return f"{total / max(stats.samples, 1) * 1e6:8,.0f} µs"

    echo(f"images/s             {measured.images_per_second:,.0f}  ({measured.threads} threads)")
    echo(f"CPU time an image    {per_image(measured.cpu_seconds)}")
    echo(f"  plan batches       {per_image(stats.plan_cpu_seconds)}")
    echo(f"  fetch and checksum {per_image(stats.fetch_cpu_seconds)}")
    echo(f"  find samples       {per_image(stats.walk_cpu_seconds)}")
    echo(f"  decode and resize  {per_image(stats.transform_cpu_seconds)}")
    echo(f"  of that, Python    {per_image(stats.interpreter_cpu_seconds)}, with the GIL held")
    echo(f"first batch after    {stats.first_batch_seconds:.2f} s")
    echo(f"fetched              {human(stats.bytes)} in {stats.blocks:,} blocks")
    echo(f"peak memory          {human(measured.peak_bytes)}, Python and torch included")
    echo(verdict(measured))
