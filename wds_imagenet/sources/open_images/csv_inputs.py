"""The CSV files that the user gives: opened in order, and numbered for error messages."""

from collections.abc import Iterator, Sequence

from wds_imagenet.errors import SourceError
from wds_imagenet.inputs.csv_files import CsvFile, read_csv_files
from wds_imagenet.sources.open_images.photo_ids import split_of
from wds_imagenet.storage.store import StorageOptions


class CsvInputs:
    """Opens the CSVs of one split; a CSV's number is its index in `locations`."""

    def __init__(self, options: StorageOptions, split: str | None) -> None:
        self._options = options
        self._split = split
        self.locations: list[str] = []

    def read(
        self, urls: str | None, columns: Sequence[str], without: str | None = None
    ) -> Iterator[tuple[CsvFile, int]]:
        """Yield the CSVs that have certain columns, with their numbers.

        Args:
            urls: the files or folders, separated by commas; each must have such a CSV.
            columns: the columns that a CSV must have.
            without: a column that it must not have.
        """
        for url in urls.split(",") if urls else ():
            other: CsvFile | None = None
            taken = False
            for csv in read_csv_files(url, self._options, self._is_wanted):
                if not set(columns) <= set(csv.columns) or without in csv.columns:
                    other = csv
                    continue
                taken = True
                self.locations.append(csv.where)
                yield csv, len(self.locations) - 1
            if taken:
                continue
            if other is None:
                raise SourceError(
                    f"there is no CSV in {url}" + f" for the split {self._split}" * bool(self._split)
                )
            other.positions(columns)
            raise SourceError(f"{other.where} has the column {without!r}: give it as another option")

    def _is_wanted(self, path: str) -> bool:
        return self._split is None or split_of(path) in {None, self._split}
