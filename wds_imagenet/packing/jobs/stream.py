"""The job of packing a stream: one read from its first byte to its last, shard by shard."""

from collections.abc import Callable, Container, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import chain

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.stream import StreamedImage
from wds_imagenet.packing.build.builders import StreamBuilder
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.build.shard import Recipe
from wds_imagenet.packing.engines.registry import Reach
from wds_imagenet.packing.jobs.dataset import dataset_files
from wds_imagenet.packing.plan.duplicate_keys import KeyHashes, check_packed_keys, hash_keys
from wds_imagenet.packing.plan.faults import limited
from wds_imagenet.packing.plan.plan_file import differences
from wds_imagenet.packing.plan.shard_cutting import FullShard, cut_shards
from wds_imagenet.packing.plan.stream_plan import StreamPlan
from wds_imagenet.packing.plan.stream_shuffle import shuffled
from wds_imagenet.packing.publish.job import FinalFiles, Job, Totals
from wds_imagenet.packing.publish.layout import dataset_layout
from wds_imagenet.storage import Store


class StreamJob(Job[FullShard]):
    """Packs a stream; see `Job`. Keeps 8 bytes of memory a sample to find equal keys at the end."""

    shard_names = None

    def __init__(self, plan: StreamPlan, fetch: Fetch) -> None:
        self._plan = plan
        self._hashes: list[KeyHashes] = []
        self.plan = plan.to_json()
        self.fingerprint = plan.fingerprint
        self.layout = dataset_layout(plan.options.name, plan.options.split)
        self.totals = Totals(plan.expected_shards, plan.stream.samples, plan.stream.size)
        self.notes = plan.notes
        self.builder = StreamBuilder(Recipe(plan.fingerprint, plan.options, plan.schema), fetch)

    def reach(self, store: Store) -> Reach:  # noqa: ARG002 - of the protocol
        """Return `threads`: the tasks hold the images."""
        return "threads"

    def differences(self, theirs: bytes) -> str:
        """Describe how another plan differs."""
        return differences(theirs, self.plan)

    def tasks(self, finished: Container[str]) -> Generator[FullShard, None, None]:  # noqa: ARG002 - as above
        """Read the stream, and yield all its shards, finished ones too: each is compared as it is built.

        Raises:
            SourceError: the stream has no images, or contradicts its declaration.
        """
        options = self._plan.options
        images = self._plan.stream.images()
        try:
            read = _read(images, options.max_image_bytes)
            ordered = shuffled(read, options.window_bytes, options.seed) if options.shuffled else read
            shards = cut_shards(ordered, self._plan)
            first = next(shards, None)
            if first is None:
                raise SourceError("there are no images to pack: the stream has none")
            yield from chain([first], shards)
        finally:
            if isinstance(images, Generator):
                images.close()

    def record(self, receipt: Receipt) -> None:
        """Keep the hashes of a shard's keys."""
        self._hashes.append(hash_keys(receipt.keys))

    def check_complete(self, receipts: Callable[[], Generator[Receipt, None, None]]) -> tuple[str, ...]:
        """Check the keys of all shards; return a note if some differ only in case.

        Raises:
            SourceError: two samples have one key.
        """
        with closing(receipts()) as read:
            return check_packed_keys(self._hashes, lambda: ((r.shard.name, r.keys) for r in read))

    def final_files(self, receipts: Iterable[Receipt]) -> FinalFiles:
        """Return the manifest and the other files of the data set."""
        return dataset_files(self.builder.recipe, self.layout, receipts)


def _read(images: Iterable[StreamedImage], limit: int) -> Iterator[StreamedImage]:
    """Yield the images with their bytes, and those with more bytes than the limit with a fault instead."""
    for image in images:
        reference = limited(image.reference, image.reference.size, limit)
        if reference.fault is None:
            yield image.whole()
        else:
            yield replace(image, reference=reference, data=b"", attached=(), read=None)
