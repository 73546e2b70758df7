"""Open Images' photo IDs as numbers of 64 bits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.sources.open_images.photo_ids import id_of, number_of


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1))
def test_an_id_survives_as_a_number_of_the_same_order(one, other):
    names = f"{one:016x}", f"{other:016x}"
    numbers = [number_of(name) for name in names]
    assert tuple(map(id_of, numbers)) == names
    assert (numbers[0] < numbers[1]) == (names[0] < names[1])


@pytest.mark.parametrize(
    "text", ["", "12345", "6.03121e+15", "000060E3121C7305", "0" * 17, "0x00000000000000", "\u0660" * 16]
)
def test_malformed_ids_are_refused(text):
    with pytest.raises(ValueError, match="is not an ImageID"):
        number_of(text)
