"""The data set that one reader reads, and its part of it."""

import os
from dataclasses import dataclass
from pathlib import Path

BUCKET = "bench"


@dataclass(frozen=True, slots=True)
class Source:
    """A prepared data set, on the disk or in the bucket."""

    folder: Path
    """Its folder on the disk, `.../bench/NAME`, also if it is read from the bucket."""
    is_remote: bool
    rank: int
    ranks: int
    scratch: Path
    """An empty folder for the caches of this run."""

    def url(self, part: str = "shards") -> str:
        """Return the path or the URL of a part, such as `shards`."""
        return f"s3://{BUCKET}/{self.folder.name}/{part}" if self.is_remote else str(self.folder / part)

    def shards(self) -> list[str]:
        """Return the path or the URL of each shard."""
        names = sorted(path.name for path in (self.folder / "shards").glob("*.tar"))
        return [f"{self.url()}/{name}" for name in names]


def endpoint() -> str:
    """Return the endpoint of the store."""
    return os.environ["AWS_ENDPOINT_URL"]
