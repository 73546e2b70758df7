"""The plan file as a lock: the destination belongs to the plan that is put there first."""

from dataclasses import dataclass, field

from wds_imagenet.errors import ExistsError, PlanError
from wds_imagenet.storage import Store
from wds_imagenet.storage.store import holds


@dataclass(frozen=True, slots=True)
class PlanLock:
    """A plan that is put before the first shard, by any process that has one built. Picklable.

    A run that fails before its first shard is built leaves no files.
    """

    path: str
    plan: bytes
    _held: list[bool] = field(default_factory=list, repr=False)

    def __call__(self, store: Store) -> None:
        """Put the plan, unless the same plan is there. Two packers with one plan may both go on.

        Costs one request a process, or two if the plan is there. Raises `PlanError` if another plan is.
        """
        if self._held:
            return
        try:
            store.put(self.path, self.plan, create=True)
        except ExistsError:
            # Twice, since the network may have damaged the first reply.
            if not any(holds(store, self.path, self.plan) for _ in range(2)):
                raise PlanError(
                    f"another packer has just put another plan at {store.url}/{self.path}: choose another "
                    "destination or layer; existing files are never overwritten"
                ) from None
        self._held.append(True)
