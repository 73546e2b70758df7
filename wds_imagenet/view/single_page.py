"""Write the whole view as one self-contained page of HTML."""

from dataclasses import replace
from typing import Final

from wds_imagenet.errors import ImageError
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.util.rng import mix, permutation
from wds_imagenet.util.threads import map_ahead
from wds_imagenet.view import pages
from wds_imagenet.view.gallery import THUMBNAIL_SIDE, read_dataset_info
from wds_imagenet.view.item import Item
from wds_imagenet.view.item_reader import ItemReader
from wds_imagenet.view.overview import make_overview
from wds_imagenet.view.thumbnail import thumbnail

_THREADS: Final = 4


def single_page(dataset: Dataset, *, samples: int = 60, seed: int = 0) -> str:
    """Return a page of HTML with the facts, histograms, classes, and random samples with pictures.

    The page loads nothing and runs nothing, and one seed gives the same page every time. It costs a request
    a sample and those of `make_overview`, and about 20 kB of page a sample. A sample that cannot be read is
    shown with its error.

    Args:
        dataset: The data set.
        samples: Number of samples.
        seed: Seed of the draw.

    Raises:
        StoreError: The store fails.
        CorruptError: A block does not match its checksum.
    """
    pages.environment()  # raises before any read if Jinja is missing
    reader = ItemReader(dataset)
    chosen = sorted(permutation(mix(seed), len(dataset))[:samples].tolist())

    def load(index: int) -> tuple[Item, bytes | None]:
        item = reader.item(index)
        if item.header is None:
            return item, None
        try:
            return item, thumbnail(reader.sample(index).image, THUMBNAIL_SIDE)
        except ImageError as error:
            return replace(item, problems=(*item.problems, str(error))), None

    loaded = list(map_ahead(load, chosen, threads=_THREADS, ahead=2 * _THREADS, name="page"))
    pictures = {item.index: picture for item, picture in loaded if picture is not None}
    overview = make_overview(dataset, seed=seed)
    return pages.single_page(read_dataset_info(dataset), overview, [item for item, _ in loaded], pictures)
