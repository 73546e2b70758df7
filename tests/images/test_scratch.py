import threading

import numpy as np

from wds_imagenet.images.scratch import Scratch, thread_scratch


def test_it_grows_and_is_reused():
    scratch = Scratch()
    small = scratch.take(1000)
    assert np.shares_memory(scratch.take(500), small)
    assert scratch.take(100_000).size >= 100_000
    assert np.shares_memory(scratch.take(1000), scratch.take(100_000))


def test_very_large_buffers_are_not_kept():
    scratch = Scratch()
    large = scratch.take(100 << 20)
    assert large.size == 100 << 20
    assert scratch.take(1000).size < 1 << 20


def test_each_thread_has_its_own():
    found = []
    thread = threading.Thread(target=lambda: found.append(thread_scratch()))
    thread.start()
    thread.join()
    assert found[0] is not thread_scratch()
    assert thread_scratch() is thread_scratch()
