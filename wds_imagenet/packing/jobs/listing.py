"""The job of packing a listing: every shard is known beforehand, and any worker can build it."""

from collections.abc import Container, Generator, Iterable

from wds_imagenet.packing.build.builders import ListingBuilder
from wds_imagenet.packing.build.fetch import Fetch
from wds_imagenet.packing.build.receipt import Receipt
from wds_imagenet.packing.build.shard import Recipe
from wds_imagenet.packing.engines.registry import Reach
from wds_imagenet.packing.jobs.dataset import dataset_files
from wds_imagenet.packing.plan.listing_plan import Plan
from wds_imagenet.packing.plan.plan_file import differences
from wds_imagenet.packing.plan.shard_task import ShardTask
from wds_imagenet.packing.publish.job import FinalFiles, Job, Totals
from wds_imagenet.packing.publish.layout import dataset_layout
from wds_imagenet.storage import Store


class ListingJob(Job[ShardTask]):
    """Packs the shards of a plan; see `Job`."""

    def __init__(self, plan: Plan, fetch: Fetch) -> None:
        self._plan = plan
        self.plan = plan.to_json()
        self.fingerprint = plan.fingerprint
        self.layout = dataset_layout(plan.options.name, plan.options.split)
        self.shard_names = plan.shard_names
        self.totals = Totals(len(plan.shard_names), plan.usable, plan.expected_bytes)
        self.notes = plan.notes
        self.builder = ListingBuilder(Recipe(plan.fingerprint, plan.options, plan.schema), fetch)

    def reach(self, store: Store) -> Reach:
        """Return `processes`, unless only this process can access the images or the destination."""
        return "processes" if store.shared and self.builder.fetch.shared(self._plan.urls) else "caller"

    def differences(self, theirs: bytes) -> str:
        """Describe how another plan differs."""
        return differences(theirs, self.plan)

    def tasks(self, finished: Container[str]) -> Generator[ShardTask, None, None]:
        """Yield the tasks of the shards that are not finished."""
        for number, name in enumerate(self.shard_names):
            if name not in finished:
                yield self._plan.task(number)

    def final_files(self, receipts: Iterable[Receipt]) -> FinalFiles:
        """Return the manifest and the other files of the data set."""
        return dataset_files(self.builder.recipe, self.layout, receipts)
