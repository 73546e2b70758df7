"""A cancelled token stays cancelled and runs its callbacks; each thread has its own token."""

import threading

from wds_imagenet.util.cancel import CancelToken, current_token, set_current_token, use_token


def test_a_callback_runs_once_and_only_within_its_with() -> None:
    token, calls = CancelToken(), []
    with token.on_cancel(lambda: calls.append("over")):
        pass
    with token.on_cancel(lambda: calls.append("one")), token.on_cancel(lambda: calls.append("two")):
        assert not token.cancelled
        threading.Thread(target=token.cancel).start()
        assert token.wait(10)
    assert calls == ["one", "two"]
    assert token.cancelled


def test_a_callback_on_a_cancelled_token_runs_at_once() -> None:
    token, calls = CancelToken(), []
    token.cancel()
    with token.on_cancel(lambda: calls.append(1)):
        assert calls == [1]


def test_each_thread_has_its_own_token() -> None:
    token, seen = CancelToken(), []

    def work() -> None:
        set_current_token(token)
        seen.append(current_token())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [token]
    assert current_token() is not token
    assert not current_token().cancelled


def test_a_token_is_used_within_its_with() -> None:
    before, outer, inner = current_token(), CancelToken(), CancelToken()
    with use_token(outer):
        with use_token(inner):
            assert current_token() is inner
        assert current_token() is outer
    assert current_token() is before
