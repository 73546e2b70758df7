"""A stop that is set stays set, and cuts what heeds it from whichever thread."""

import threading

from wds_imagenet.stop import Stop, heed, heeded


def test_a_cut_is_called_once_when_it_is_set_and_not_after_its_work() -> None:
    stop, cuts = Stop(), []
    with stop.cutting(lambda: cuts.append("over")):
        pass
    with stop.cutting(lambda: cuts.append("one")), stop.cutting(lambda: cuts.append("two")):
        assert not stop.is_set()
        threading.Thread(target=stop.set).start()
        assert stop.wait(10)
    assert cuts == ["one", "two"]


def test_what_begins_after_it_is_cut_at_once() -> None:
    stop, cuts = Stop(), []
    stop.set()
    with stop.cutting(lambda: cuts.append(1)):
        assert cuts == [1]


def test_each_thread_heeds_its_own() -> None:
    stop, seen = Stop(), []

    def work() -> None:
        heed(stop)
        seen.append(heeded())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [stop]
    assert heeded() is not stop
    assert not heeded().is_set()
