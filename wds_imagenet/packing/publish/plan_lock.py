"""Whose a place is: the plan that lies there before the first tar does."""

from dataclasses import dataclass, field

from wds_imagenet.errors import ExistsError, PlanError
from wds_imagenet.storage import Store


@dataclass(frozen=True, slots=True)
class DestinationClaim:
    """A plan that is still to be put, by whatever process has the first tar. Picklable."""

    path: str
    plan: bytes
    _made: list[bool] = field(default_factory=list, repr=False)

    def __call__(self, store: Store) -> None:
        """Put the plan where nobody else's is; with the same plan two packers may both go on.

        So nothing at all is put where no tar could be built. Costs a request, once a process, and one more
        where the plan is there. Raises `PlanError` if it is another.
        """
        if self._made:
            return
        try:
            store.put(self.path, self.plan, create=True)
        except ExistsError:
            if store.read(self.path).data != self.plan:
                raise PlanError(
                    f"{store.url}/{self.path} was just put there by another packer, and says something else: "
                    "choose another destination or layer; what is there is never overwritten"
                ) from None
        self._made.append(True)
