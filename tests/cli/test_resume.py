"""resume: a person ends a pause."""

import pytest

from split_dest.errors import Refused, Remedy
from split_dest.inbox import drains, ledger
from tests.support.service import tracks
from tests.support.steps import accept, take

LIMITED = Refused("rate_limited", "POST /events/bulk: 429", Remedy.WAIT, wait_seconds=1800)


@pytest.fixture
def paused(settings):
    """The settings of a destination whose lane events is paused for half an hour."""
    accept(settings.store, "m-1")
    take(settings.store).rest(LIMITED)
    return settings


def is_paused(settings):
    """Return whether the lane events is paused."""
    return ledger.read(settings.store, ["web"]).lanes["web", "events"].resting_until_ms is not None


@pytest.mark.parametrize("lane", [["events"], []], ids=["a lane", "all lanes"])
def test_a_pause_is_ended_and_a_drain_is_woken(command, paused, lane):
    """It says what it has ended: how long it would have lasted, and why."""
    result = command("resume", "web", *lane)

    assert (result.code, result.err) == (0, "")
    assert result.out == "web events: ended a pause of 30 min more: rate_limited (POST /events/bulk: 429)\n"
    assert not is_paused(paused)
    assert paused.store.client.llen("sd:rq:queue:drains") == 1


def test_a_pause_of_which_another_version_says_less_is_ended(command, settings):
    """Or wrote it otherwise; what is not there is empty."""
    for fields in ({}, {"reason": b"\xff", "detail": b"\xff"}):
        settings.store.client.hset(
            "sd:web:events:rest", mapping={"until_ms": settings.store.now_ms() + 100_000, **fields}
        )
        result = command("resume", "web", "events")
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith("web events: ended a pause of ")


def test_without_a_pause_it_says_so(command, settings):
    """And ends well."""
    results = command("resume", "web"), command("resume", "web", "identities")

    assert [result.code for result in results] == [0, 0]
    assert [result.out for result in results] == ["web is not paused\n", "web identities is not paused\n"]


def test_a_pause_of_another_lane_stays(command, paused):
    """Only the one that was named ends."""
    assert command("resume", "web", "identities").out == "web identities is not paused\n"
    assert is_paused(paused)


def test_a_name_that_is_not_there_is_refused(command, settings):
    """The names that are there are listed."""
    result = command("resume", "wbe")

    assert result.code == 2
    assert 'no destination or source "wbe" in the settings; there are: web' in result.err


def test_what_waited_is_delivered_at_once(settings, sandbox):
    """Split asked for an hour, and works again."""
    sandbox.faults({"api": "events", "status": 429, "retryAfter": 3600, "times": 1})
    settings.start_web()
    settings.start_workers(1)
    settings.post(tracks(3))
    settings.wait_until(lambda: is_paused(settings))

    assert settings.command("resume", "web", "events").startswith("web events: ended a pause of ")

    settings.wait_until(lambda: settings.lane().delivered == 3, 10)


def test_the_back_off_goes_on_where_it_was(command, paused):
    """Split still refuses: it is the second refusal in a row, not the first one again."""
    command("resume", "web")
    job_id = paused.store.client.get("sd:web:events:drain:0").decode().removeprefix("queued:")
    drains.take(paused.store, "web", "events", 0, job_id).rest(LIMITED)

    assert ledger.read(paused.store, ["web"]).lanes["web", "events"].refusals == 2
