"""The demo: draw pictures, serve them by S3, pack, verify, stream and train."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from wds_imagenet.demo import pictures
from wds_imagenet.demo.s3_server import S3Server, serve
from wds_imagenet.errors import CorruptError, MissingExtraError
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.verify import verify
from wds_imagenet.util.messages import quantity

_BUCKET: Final = "demo"
_VALIDATION: Final = 240
"""Pictures of the validation split."""
_TRAINING_SIDE: Final = 64

Print = Callable[[str], None]


def run_demo(print_line: Print, *, count: int, epochs: int, keep: Path | None) -> float:
    """Run the demo, and return the accuracy on the validation pictures.

    Args:
        print_line: Called with each line of output.
        count: Training pictures to draw.
        epochs: Epochs to train.
        keep: Folder for the pictures and the data of the server; None removes both at the end.
    """
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(TemporaryDirectory(prefix="wds-imagenet-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        _draw(print_line, folder / "pictures", count)
        server = stack.enter_context(serve(keep / "server" if keep else None))
        stack.enter_context(_environment(server))
        server.make_bucket(_BUCKET)
        print_line(f"serve    SeaweedFS, a real S3 server, at {server.endpoint}")
        for split in ("train", "validation"):
            _pack(print_line, folder / "pictures" / split, _url(split), split)
        for split in ("train", "validation"):
            _verify(print_line, _url(split))
        accuracy = _train(print_line, epochs)
    if keep:
        print_line(f"done     the pictures and the data of the server are in {folder}")
    else:
        print_line("done     the server is stopped and its data removed; --keep FOLDER keeps the data")
    return accuracy


def _draw(print_line: Print, folder: Path, count: int) -> None:
    began, size = time.perf_counter(), 0
    for split, numbers in (
        ("train", range(count)),
        ("validation", range(count, count + _VALIDATION)),
    ):
        size += sum(pictures.write_many(folder / split, numbers))
    width, height = pictures.SIZE
    seconds = time.perf_counter() - began
    print_line(
        f"draw     {count + _VALIDATION:,} pictures of {width} × {height} with labels, captions and JSON: "
        f"{size / 1e6:.0f} MB in {seconds:.1f} s"
    )


def _pack(print_line: Print, source: Path, url: str, split: str) -> None:
    report = pack("sidecars", str(source), dest=url, split=split, shard_bytes=32 << 20)
    rate = report.bytes / report.seconds / 1e6
    print_line(
        f"pack     {url}: {report.samples:,} samples in {quantity(report.shards, 'shards')}, "
        f"{report.bytes / 1e6:.0f} MB in {report.seconds:.1f} s ({rate:.0f} MB/s)"
    )


def _verify(print_line: Print, url: str) -> None:
    report = verify(url)
    if not report.ok:
        raise CorruptError(str(report.findings[0]))
    print_line(f"verify   {url}: all {report.samples:,} samples as they were packed")


def _train(print_line: Print, epochs: int) -> float:
    try:
        from wds_imagenet.demo import training  # noqa: PLC0415 - torch is an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("demo", "training in the demo") from error
    from wds_imagenet import Loader, RandomResizedCrop, ResizeCenterCrop  # noqa: PLC0415 - the same
    from wds_imagenet.reading.benchmark import measure, verdict  # noqa: PLC0415 - the same

    with Loader(_url("train"), RandomResizedCrop(224, flip=True), 256) as loader:
        measured = measure(loader, seconds=4)
    print_line(
        f"stream   {measured.images_per_second:,.0f} images/s from S3, decoded and cropped to 224 × 224 by "
        f"{measured.threads} threads, first batch after {measured.stats.first_batch_seconds:.2f} s"
    )
    print_line(f"         {verdict(measured)}")
    model = training.network(len(pictures.CLASSES))
    crop = RandomResizedCrop(_TRAINING_SIDE, scale=(0.7, 1.0), flip=True)
    with Loader(_url("train"), crop, 48, last="drop") as loader:
        for epoch in training.train(model, loader, epochs):
            print_line(
                f"train    epoch {epoch.number}: loss {epoch.loss:.2f}, {epoch.accuracy:.0%} correct, "
                f"{epoch.images_per_second:,.0f} images/s"
            )
    with Loader(
        _url("validation"), ResizeCenterCrop(_TRAINING_SIDE, _TRAINING_SIDE), 48, shuffle=False
    ) as loader:
        accuracy = training.evaluate(model, loader)
    print_line(f"evaluate {accuracy:.0%} of {_VALIDATION} validation pictures correct; chance is 8%")
    return accuracy


def _url(split: str) -> str:
    return f"s3://{_BUCKET}/pictures/{split}"


@contextmanager
def _environment(server: S3Server) -> Iterator[None]:
    """Set the environment variables that lead every S3 client to this server, within a `with`."""
    before = dict(os.environ)
    os.environ.update(server.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
