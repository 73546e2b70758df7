"""All in one page that needs nothing else: to be kept, or sent to somebody."""

from dataclasses import replace
from typing import Final

from wds_imagenet.errors import ImageError
from wds_imagenet.reading.dataset import Dataset
from wds_imagenet.util.rng import mix, permutation
from wds_imagenet.util.threads import map_ahead
from wds_imagenet.view import pages
from wds_imagenet.view.item import Item
from wds_imagenet.view.overview import survey
from wds_imagenet.view.reader import Reader
from wds_imagenet.view.site import THUMBNAIL, read_facts
from wds_imagenet.view.thumbnail import thumbnail

_THREADS: Final = 4


def report(dataset: Dataset, *, samples: int = 60, seed: int = 0) -> str:
    """Return a page of HTML with the facts, histograms, classes and so many random samples, pictures inside.

    The same seed gives the same page. It loads nothing and runs nothing. Costs a request a sample, and
    those of `survey`; some 20 kB of page a sample. Raises `StoreError`, or `CorruptError` for a block whose
    bytes are not those that were packed; what of a sample cannot be read is said in its place.
    """
    pages.environment()  # what is missing is said now
    reader = Reader(dataset)
    chosen = sorted(permutation(mix(seed), len(dataset))[:samples].tolist())

    def take(index: int) -> tuple[Item, bytes | None]:
        item = reader.item(index)
        if item.header is None:
            return item, None
        try:
            return item, thumbnail(reader.sample(index).image, THUMBNAIL)
        except ImageError as error:
            return replace(item, problems=(*item.problems, str(error))), None

    taken = list(map_ahead(take, chosen, threads=_THREADS, ahead=2 * _THREADS, name="report"))
    pictures = {item.index: picture for item, picture in taken if picture is not None}
    return pages.whole(read_facts(dataset), survey(dataset, seed=seed), [item for item, _ in taken], pictures)
