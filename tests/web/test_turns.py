"""Long requests take turns: who waits too long is told so, and short ones are never held up by that."""

import gevent
import gevent.event
import pytest

from split_dest.errors import RequestRefused
from split_dest.web import turns
from split_dest.web.turns import Turn, Turns

_LONG = range(100)
_SHORT_SECONDS = 0.05


def _hold(turn: Turn, ends: gevent.event.Event) -> None:
    with turn:
        turn.share(_LONG, len(_LONG))
        ends.wait()


def test_who_waits_too_long_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of its turn is left, and the next one finds its place."""
    monkeypatch.setattr(turns, "_MAX_WAIT_SECONDS", _SHORT_SECONDS)
    waiting, ends = Turns(1), gevent.event.Event()
    first = gevent.spawn(_hold, waiting.begin(), ends)
    gevent.sleep(0.001)

    with pytest.raises(RequestRefused) as told, waiting.begin() as turn:
        turn.share(_LONG, len(_LONG))
    ends.set()
    first.join(10)
    with waiting.begin() as turn:
        shared = list(turn.share(_LONG, len(_LONG)))

    assert (told.value.status, told.value.code) == (503, "busy")
    assert shared == list(_LONG)


def test_short_requests_do_not_wait_for_long_ones() -> None:
    """Whoever holds the turn of the long ones."""
    waiting, ends = Turns(1), gevent.event.Event()
    first = gevent.spawn(_hold, waiting.begin(), ends)
    gevent.sleep(0.001)

    with waiting.begin() as turn:
        assert list(turn.share(range(3), 3)) == [0, 1, 2]
    ends.set()
    first.join(10)
