"""The result of a repair."""

from dataclasses import dataclass

from wds_imagenet.reading.findings.finding import Finding


@dataclass(frozen=True, slots=True)
class RepairAction:
    """One file that `repair` changed, or would change.

    Attributes:
        path: the file, relative to the data set.
        what: what happens to it, in a few words.
    """

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


@dataclass(frozen=True, slots=True)
class RepairReport:
    """The result of `repair`.

    Attributes:
        url: the data set's folder, without credentials.
        actions: the files that were changed, in order; after a dry run, those that would be.
        left: the faults that remain, each with the way on.
        lost_keys: the keys of the samples in shards that were left out.
        fingerprint: the data set's fingerprint after the repair; None if its manifest could not be mended.
        old_fingerprint: its fingerprint before, if the repair changed it; else None.
        dry_run: True if nothing was written.
        notes: facts that are no faults: files left alone, and a number of shards that nothing proves.
    """

    url: str
    actions: tuple[RepairAction, ...]
    left: tuple[Finding, ...]
    lost_keys: tuple[str, ...]
    fingerprint: str | None
    old_fingerprint: str | None
    dry_run: bool
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True if no fault remains."""
        return not self.left
