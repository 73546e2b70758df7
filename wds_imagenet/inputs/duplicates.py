"""Which of many values occur more than once, without a set of them all."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from array import array


def repeated(values: "array[int]") -> list[int]:
    """Return the places of the values that are there more than once, in order.

    `values` are of 64 bits, `array("q")`. Given hashes of keys, all keys elsewhere are unique, and those
    there may be. Costs 8 bytes a value for a moment, 16 where one recurs.
    """
    import numpy as np  # noqa: PLC0415 - sources are light to import

    numbers = np.frombuffer(values, np.int64)
    ordered = np.sort(numbers)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.flatnonzero(np.isin(numbers, again)).tolist() if len(again) else []
