"""One tar of a label layer: annotations in, a checked file and its receipt out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wds_imagenet.format.layers import LAYER_MANIFEST, layer_folder
from wds_imagenet.format.tar import archive_end
from wds_imagenet.inputs.reference import Reference
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.shard import check_readable, tar_parts
from wds_imagenet.packing.build.shard_file import BlockDraft, ShardFile
from wds_imagenet.packing.plan.attachments import contents
from wds_imagenet.packing.plan.layer_plan import LayerTask, layer_suffixes
from wds_imagenet.packing.plan.schema import Schema
from wds_imagenet.packing.publish.claim import DestinationClaim
from wds_imagenet.packing.publish.receipt import Receipt
from wds_imagenet.packing.publish.upload import check_expected, publish
from wds_imagenet.storage import Store
from wds_imagenet.util import strict_json


@dataclass(frozen=True, slots=True)
class LayerPublisher:
    """The work that is done for every tar of a layer, in whatever process. Picklable."""

    store: Store
    """That of the data set."""
    layer: str
    plan: str
    """The fingerprint of the layer's plan."""
    schema: Schema
    fetch: Fetch
    claim: DestinationClaim
    """Of the layer's place."""
    expected: Mapping[str, str]
    """The SHA-256 that tars must come out with, by name, where a manifest has said it already."""

    def __call__(self, task: LayerTask) -> Receipt:
        """Publish a tar and its receipt, in that order, and return the receipt; as `Publisher` does."""

        def build(file: Path) -> Receipt:
            with closing(self.fetch.attached(task.references)) as attached:
                receipt = build_layer_shard(task, self.plan, self.schema, attached, file)
            check_expected(f"{self.store.url}/{folder}{LAYER_MANIFEST}", receipt, self.expected)
            return receipt

        folder = layer_folder(self.layer)
        receipt_at = layer_receipt_path(self.layer, task.name)
        return publish(self.store, f"{folder}{task.name}", receipt_at, build, claim=self.claim)


def layer_receipt_path(layer: str, shard: str) -> str:
    """Return where the receipt of a layer's tar lies, relative to the data set."""
    return f"{layer_folder(layer)}receipts/{shard}.json"


def build_layer_shard(
    task: LayerTask, plan: str, schema: Schema, attached: Iterable[Sequence[bytes]], path: Path
) -> Receipt:
    """Write one tar of a layer to a file, read it back, and return its receipt.

    The same annotations give the same bytes in any process. Raises `SourceError`, `CorruptError`, `OSError`.
    """
    samples = (
        (reference.key, list(tar_parts(reference.key, _members(reference, further, schema))))
        for reference, further in zip(task.references, attached, strict=True)
    )
    with ShardFile.create(path) as file:
        for draft in _drafts(samples, task.blocks):
            file.add(draft)
    labels = Counter(r.label for r in task.references if r.label is not None)
    keys = tuple(reference.key for reference in task.references)
    return Receipt(plan, file.account(task.name), keys, dict(labels), ())


def _drafts(samples: Iterator[tuple[str, list[bytes]]], blocks: Sequence[int]) -> Iterator[BlockDraft]:
    total = 0
    for number, count in enumerate(blocks, 1):
        some = list(islice(samples, count))
        parts = [part for _, sample in some for part in sample]
        total += sum(map(len, parts))
        last = number == len(blocks)
        yield BlockDraft([*parts, archive_end(total)] if last else parts, [key for key, _ in some], last=last)


def _members(reference: Reference, attached: Sequence[bytes], schema: Schema) -> Iterator[tuple[str, bytes]]:
    given = layer_suffixes(schema)
    if "cls" in given:
        yield "cls", str(reference.label).encode()
    if "json" in given:
        record = strict_json.dumps(schema.record(reference, {}))
        check_readable(record, reference)
        yield "json", record
    if "txt" in given:
        yield "txt", (reference.caption or "").encode()
    yield from contents(reference, attached)
