"""A stop that is set stays set, and cuts what heeds it from whichever thread."""

import threading

from wds_imagenet.util.cancel import CancelToken, cancel_with, current_token


def test_a_cut_is_called_once_when_it_is_set_and_not_after_its_work() -> None:
    stop, cuts = CancelToken(), []
    with stop.cutting(lambda: cuts.append("over")):
        pass
    with stop.cutting(lambda: cuts.append("one")), stop.cutting(lambda: cuts.append("two")):
        assert not stop.is_set()
        threading.Thread(target=stop.set).start()
        assert stop.wait(10)
    assert cuts == ["one", "two"]


def test_what_begins_after_it_is_cut_at_once() -> None:
    stop, cuts = CancelToken(), []
    stop.set()
    with stop.cutting(lambda: cuts.append(1)):
        assert cuts == [1]


def test_each_thread_heeds_its_own() -> None:
    stop, seen = CancelToken(), []

    def work() -> None:
        cancel_with(stop)
        seen.append(current_token())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [stop]
    assert current_token() is not stop
    assert not current_token().is_set()
