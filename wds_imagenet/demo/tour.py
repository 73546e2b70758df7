"""The whole way, on this machine: draw, serve, pack, verify, stream, train."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from wds_imagenet.demo import pictures
from wds_imagenet.demo.server import Server, serve
from wds_imagenet.errors import CorruptError, MissingExtraError
from wds_imagenet.packing.api import pack
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.verify import verify
from wds_imagenet.util.messages import quantity

_BUCKET: Final = "demo"
_VALIDATION: Final = 240
_CROP: Final = 64

Say = Callable[[str], None]


def tour(say: Say, *, count: int, epochs: int, keep: Path | None) -> float:
    """Go the whole way with `count` pictures and return the accuracy on pictures never trained on.

    `keep` is a folder for the pictures and the server's data, which then stay; otherwise they are
    removed at the end. Raises whatever goes wrong, on the way, as any command would.
    """
    with ExitStack() as stack:
        folder = keep or Path(stack.enter_context(TemporaryDirectory(prefix="wds-imagenet-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        _draw(say, folder / "pictures", count)
        server = stack.enter_context(serve(keep / "server" if keep else None))
        stack.enter_context(_environment(server))
        server.make_bucket(_BUCKET)
        say(f"serve    SeaweedFS, a real S3 server, at {server.endpoint}")
        for split in ("train", "validation"):
            _pack(say, folder / "pictures" / split, _url(split), split)
        for split in ("train", "validation"):
            _verify(say, _url(split))
        accuracy = _train(say, epochs)
    if keep:
        say(f"done     the pictures and the server's data stay in {folder}")
    else:
        say("done     the server is stopped and its data removed; --keep FOLDER keeps them")
    return accuracy


def _draw(say: Say, folder: Path, count: int) -> None:
    began, size = time.perf_counter(), 0
    for split, numbers in (("train", range(count)), ("validation", range(count, count + _VALIDATION))):
        size += sum(pictures.write_many(folder / split, numbers))
    width, height = pictures.SIZE
    seconds = time.perf_counter() - began
    say(
        f"draw     {count + _VALIDATION:,} pictures of {width} × {height} with labels, captions and JSON: "
        f"{size / 1e6:.0f} MB in {seconds:.1f} s"
    )


def _pack(say: Say, source: Path, url: str, split: str) -> None:
    report = pack("sidecars", str(source), dest=url, split=split, shard_bytes=32 << 20)
    rate = report.bytes / report.seconds / 1e6
    say(
        f"pack     {url}: {report.samples:,} samples in {quantity(report.shards, 'shards')}, "
        f"{report.bytes / 1e6:.0f} MB in {report.seconds:.1f} s ({rate:.0f} MB/s)"
    )


def _verify(say: Say, url: str) -> None:
    dataset = Dataset.open(url)
    for checked in verify(dataset):
        for finding in checked.findings:
            raise CorruptError(str(finding))
    say(f"verify   {url}: all {len(dataset):,} samples as they were packed")


def _train(say: Say, epochs: int) -> float:
    try:
        from wds_imagenet.demo import training  # noqa: PLC0415 - torch is an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("demo", "training in the demo") from error
    from wds_imagenet import Loader, RandomResizedCrop, ResizeCenterCrop  # noqa: PLC0415 - the same
    from wds_imagenet.reading.benchmark import measure, verdict  # noqa: PLC0415 - the same

    with Loader(_url("train"), RandomResizedCrop(224, flip=True), 256) as loader:
        measured = measure(loader, seconds=4)
    say(
        f"stream   {measured.images_per_second:,.0f} images/s from S3, decoded and cropped to 224 × 224 by "
        f"{measured.threads} threads, first batch after {measured.stats.first_batch_seconds:.2f} s"
    )
    say(f"         {verdict(measured)}")
    model = training.network(len(pictures.CLASSES))
    crop = RandomResizedCrop(_CROP, scale=(0.7, 1.0), flip=True)
    with Loader(_url("train"), crop, 48, drop_last=True) as loader:
        for epoch in training.train(model, loader, epochs):
            say(
                f"train    epoch {epoch.number}: loss {epoch.loss:.2f}, {epoch.accuracy:.0%} right, "
                f"{epoch.images_per_second:,.0f} images/s"
            )
    with Loader(_url("validation"), ResizeCenterCrop(_CROP, _CROP), 48, shuffle=False) as loader:
        accuracy = training.evaluate(model, loader)
    say(f"evaluate {accuracy:.0%} of {_VALIDATION} pictures never trained on; guessing gives 8%")
    return accuracy


def _url(split: str) -> str:
    return f"s3://{_BUCKET}/pictures/{split}"


@contextmanager
def _environment(server: Server) -> Iterator[None]:
    """Set the server's address and credentials as any S3 program expects them, for a while."""
    before = dict(os.environ)
    os.environ.update(server.environment())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
