"""CRC-32 equals zlib's."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wds_imagenet.format import crc

KNOWN = {b"123456789": 0xCBF43926, b"": 0, bytes(64): 0x758D6336}
"""The check value of the CRC catalogue's CRC-32/ISO-HDLC, and two plain ones."""


@pytest.fixture(params=["native", "zlib"])
def crc32(request, monkeypatch):
    """Return the checksum function, once over our C module and once over zlib."""
    if request.param == "zlib":
        monkeypatch.setattr(crc, "_native", None)
    elif crc._native is None:
        pytest.skip("the native part was not built")
    return crc.crc32


@pytest.mark.parametrize("data", KNOWN)
def test_known_values_come_out(crc32, data):
    assert crc32(data) == KNOWN[data]


@pytest.mark.parametrize("size", [*range(0, 200, 7), 63, 64, 65, 127, 128, 129, 1 << 16, (1 << 16) + 61])
def test_every_length_has_zlibs_checksum(crc32, size):
    data = bytes(i * i * 31 % 251 for i in range(size))
    assert crc32(data) == zlib.crc32(data)


@given(st.binary(max_size=700), st.integers(0, 20))
def test_any_bytes_at_any_address_have_zlibs_checksum(data, start):
    view = memoryview(data)[start:]
    assert crc.crc32(view) == zlib.crc32(view)


def test_a_flipped_bit_changes_it(crc32):
    data = bytearray(range(256))
    before = crc32(memoryview(data))
    for place in (0, 100, 255):
        data[place] ^= 1
        assert crc32(memoryview(data)) != before
        data[place] ^= 1
