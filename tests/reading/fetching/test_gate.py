"""Requests begin in their order, as many at a time as the link deserves."""

import asyncio

import pytest

from wds_imagenet.errors import UnavailableError
from wds_imagenet.reading.fetching.concurrency import Concurrency
from wds_imagenet.reading.fetching.gate import MOST_BYTES, Gate


async def requests(gate, sizes, begun, end):
    """Start a request of each size; note its number when it begins, and end it at the event."""

    async def one(number, size):
        async with gate.request(size):
            begun.append(number)
            await end.wait()

    tasks = [asyncio.create_task(one(*item)) for item in enumerate(sizes)]
    await asyncio.sleep(0.01)
    return tasks


def test_no_more_requests_than_the_limit_are_under_way_and_they_begin_in_order():
    async def main():
        begun, end = [], asyncio.Event()
        gate = Gate(Concurrency(3, 3))
        tasks = await requests(gate, [10] * 8, begun, end)
        assert begun == [0, 1, 2]
        assert gate.running_bytes == 30
        end.set()
        await asyncio.gather(*tasks)
        assert begun == [*range(8)]
        assert gate.running_bytes == 0

    asyncio.run(main())


def test_bytes_under_way_are_bounded_but_a_large_block_still_begins():
    async def main():
        begun, end = [], asyncio.Event()
        tasks = await requests(Gate(), [MOST_BYTES - 5, 5, 5, 2 * MOST_BYTES], begun, end)
        assert begun == [0, 1]
        end.set()
        await asyncio.gather(*tasks)
        assert begun == [*range(4)]

    asyncio.run(main())


def test_cancelled_requests_make_room():
    async def main():
        begun, end = [], asyncio.Event()
        gate = Gate(Concurrency(2, 2))
        tasks = await requests(gate, [1] * 5, begun, end)
        for task in tasks[:3]:  # two under way, one that waits
            task.cancel()
        await asyncio.gather(*tasks[:3], return_exceptions=True)
        await asyncio.sleep(0.01)
        assert begun == [0, 1, 3, 4]
        end.set()
        await asyncio.gather(*tasks[3:])
        assert gate.running_bytes == 0

    asyncio.run(main())


@pytest.mark.parametrize(("is_busy", "limit"), [(True, 8), (False, 16)])
def test_a_store_that_asks_for_fewer_requests_gets_half_as_many(is_busy, limit):
    concurrency, error = Concurrency(16), UnavailableError("503")
    error.is_busy = is_busy
    Gate(concurrency).failed(error)
    assert concurrency.limit == limit
