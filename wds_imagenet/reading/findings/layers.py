"""The layers of a data set: opened, or found to be damaged."""

from collections.abc import Sequence

from wds_imagenet.errors import ManifestError, NotFoundError
from wds_imagenet.format.layers import LAYERS, layer_folder, layer_names, unfinished_layers
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.reading.layers import Layer


def open_layers(dataset: Dataset, names: Sequence[str] | None) -> tuple[list[Layer], list[Finding]]:
    """Return the layers that can be opened, and a finding for each of the others. Costs two requests each.

    Without `names`, a folder of a layer without a manifest is a finding, too.

    Args:
        dataset: the data set.
        names: names of layers, which must exist; None for every finished layer that is listed.

    Raises:
        ManifestError: a layer of `names` does not exist.
    """
    layers = []
    is_listed = names is None and dataset.store.listable
    paths = [info.path for info in dataset.store.list_objects(LAYERS)] if is_listed else []
    findings = [find_unfinished(name) for name in unfinished_layers(paths)]
    for name in layer_names(paths) if names is None else names:
        try:
            layers.append(Layer.open(dataset.store, dataset.manifest, name))
        except ManifestError as error:
            if names is not None and isinstance(error.__cause__, NotFoundError):
                raise
            findings.append(Finding(str(error), file=layer_folder(name)))
    return layers, findings


def find_unfinished(name: str) -> Finding:
    """Return the finding for the folder of a layer that has files, but no manifest."""
    what = "unfinished or lost layer: run add-layer again, or remove the folder"
    return Finding(what, file=f"{LAYERS}{name}/")
