"""The layers of a data set: opened, or found to be damaged."""

from collections.abc import Sequence

from wds_imagenet.errors import ManifestError, NotFoundError
from wds_imagenet.format.layers import layer_folder
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.reading.findings.finding import Finding
from wds_imagenet.reading.layers import Layer, list_layers


def open_layers(dataset: Dataset, names: Sequence[str] | None) -> tuple[list[Layer], list[Finding]]:
    """Return the layers that can be opened, and a finding for each of the others. Costs two requests each.

    Args:
        dataset: the data set.
        names: names of layers, which must exist; None for every finished layer that is listed.

    Raises:
        ManifestError: a layer of `names` does not exist.
    """
    layers, findings = [], []
    for name in list_layers(dataset.store) if names is None else names:
        try:
            layers.append(Layer.open(dataset.store, dataset.manifest, name))
        except ManifestError as error:
            if names is not None and isinstance(error.__cause__, NotFoundError):
                raise
            findings.append(Finding(str(error), file=layer_folder(name)))
    return layers, findings
