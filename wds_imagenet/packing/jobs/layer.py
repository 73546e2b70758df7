"""The job of adding a label layer: one tar beside each shard of a finished data set."""

from collections import Counter
from collections.abc import Container, Generator, Iterable
from dataclasses import asdict

from wds_imagenet.format.layers import LayerPlan
from wds_imagenet.format.manifest import Manifest, Shard
from wds_imagenet.packing.build.builders import LayerBuilder
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.engines.registry import Reach
from wds_imagenet.packing.jobs.dataset import class_table
from wds_imagenet.packing.plan.layer_plan import PlannedLayer
from wds_imagenet.packing.plan.shard_task import LayerTask
from wds_imagenet.packing.publish.job import FinalFiles, Job, Totals
from wds_imagenet.packing.publish.layout import layer_layout
from wds_imagenet.storage import Store


class LayerJob(Job[LayerTask]):
    """Adds a layer of labels; see `Job`. A layer of classes alone has no tars."""

    def __init__(self, layer: PlannedLayer, fetch: Fetch) -> None:
        self._layer = layer
        plan = layer.plan
        self.plan = plan.to_json()
        self.fingerprint = plan.fingerprint
        self.layout = layer_layout(plan.name)
        self.shard_names = tuple(shard.name for shard in layer.shards)
        self.totals = Totals(len(self.shard_names), layer.base.samples, None)
        self.notes = layer.notes
        self.builder = LayerBuilder(plan.fingerprint, layer.schema, fetch)

    def reach(self, store: Store) -> Reach:
        """Return `processes`, unless only this process can access the attachments or the data set."""
        return "processes" if store.shared and self.builder.fetch.shared(self._layer.urls) else "caller"

    def differences(self, theirs: bytes) -> str:
        """Name the parts in which another layer's plan differs. Raises `ManifestError` if it is no plan."""
        other, ours = asdict(LayerPlan.from_json(theirs)), asdict(self._layer.plan)
        names = [name.removesuffix("_sha256") for name in ours if other[name] != ours[name]]
        return f"its {' and '.join(names)} are not the same"

    def tasks(self, finished: Container[str]) -> Generator[LayerTask, None, None]:
        """Yield the tasks of the tars that are not finished."""
        for number, name in enumerate(self.shard_names):
            if name not in finished:
                yield self._layer.task(number)

    def final_files(self, receipts: Iterable[Receipt]) -> FinalFiles:
        """Return the manifest of the layer."""
        layer = self._layer
        shards: list[Shard] = []
        labels: Counter[int] = Counter()
        for receipt in receipts:
            shards.append(receipt.shard)
            labels.update(receipt.labels)
        manifest = Manifest(
            name=layer.base.name,
            split=layer.base.split,
            suffixes=layer.plan.suffixes,
            keys_sha256=layer.base.keys_sha256,
            shards=tuple(shards),
            classes=layer.classes or class_table(layer.schema, labels),
            plan=self.fingerprint,
        )
        return FinalFiles(manifest, {})
