"""The paths of one job's files on a store. Pure."""

import re
from dataclasses import dataclass

from wds_imagenet.format.info_files import OPEN_CLIP_FILE, README_FILE, TIMM_FILE
from wds_imagenet.format.layers import layer_folder
from wds_imagenet.format.manifest import KEYS_PATH, METADATA_FOLDER, REPORT_PATH
from wds_imagenet.storage import Store


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of the shards, the plan, the receipts and the manifest, relative to the data set."""

    verb: str
    """The command that writes these files, for messages."""
    alternative: str
    """The remedy if the place is taken, for messages."""
    shard_folder: str
    """The folder of the shards; "", or with a slash at its end."""
    shard_prefix: str
    """The beginning of the shards' names."""
    metadata_folder: str
    """The folder of all other files, with a slash at its end."""
    companions: tuple[str, ...] = ()
    """Paths of files that are written outside of the metadata folder."""
    report: str | None = None
    """The path of the report, if one is written."""
    keys: str | None = None
    """The path of the list of keys, if one is written."""

    @property
    def plan(self) -> str:
        """The path of the plan, which locks the place."""
        return f"{self.metadata_folder}plan.json"

    @property
    def manifest(self) -> str:
        """The path of the manifest, the last file to be written."""
        return f"{self.metadata_folder}manifest.json"

    @property
    def receipts(self) -> str:
        """The folder of the receipts."""
        return f"{self.metadata_folder}receipts/"

    def url(self, store: Store) -> str:
        """Return the URL of the shards' folder, for messages."""
        return f"{store.url}/{self.shard_folder}".rstrip("/")

    def is_shard(self, name: str) -> bool:
        """Return True for a name that a shard of this job can have."""
        if not self.shard_prefix:  # a layer's tars have the names of the data set's shards
            return name.endswith(".tar")
        return bool(re.fullmatch(rf"{re.escape(self.shard_prefix)}[0-9]{{6}}\.tar", name))

    def shard(self, name: str) -> str:
        """Return the path of a shard."""
        return f"{self.shard_folder}{name}"

    def receipt(self, name: str) -> str:
        """Return the path of a shard's receipt."""
        return f"{self.receipts}{name}.json"


def dataset_layout(name: str, split: str) -> Layout:
    """Return the layout of a data set."""
    return Layout(
        verb="pack",
        alternative="Choose another destination",
        shard_folder="",
        shard_prefix=f"{name}-{split}-",
        metadata_folder=f"{METADATA_FOLDER}/",
        companions=(TIMM_FILE, OPEN_CLIP_FILE, README_FILE),
        report=REPORT_PATH,
        keys=KEYS_PATH,
    )


def layer_layout(name: str) -> Layout:
    """Return the layout of a label layer. Raises `UsageError` for a name that no layer can have."""
    folder = layer_folder(name)
    return Layout(
        verb="add-layer",
        alternative="Choose another name for the layer",
        shard_folder=folder,
        shard_prefix="",
        metadata_folder=folder,
    )
