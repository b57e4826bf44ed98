"""Failed attempts are limited for each address, in constant memory, and cost nobody else anything."""

import tracemalloc
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from split_dest.config.settings import Settings
from split_dest.inbox.store import Store
from split_dest.web import create_app
from split_dest.web.attempts import MOST_A_MINUTE, Attempts
from tests.support.endpoint import TRACK, basic, post


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


def fail(client: FlaskClient, times: int = 1, address: str = "192.0.2.1", **headers: str) -> list[int]:
    """Post with a wrong secret this many times; return the statuses."""
    given = {"Authorization": "wrong"} | {name.replace("_", "-"): value for name, value in headers.items()}
    environ = {"REMOTE_ADDR": address}
    return [post(client, TRACK, headers=given, environ_base=environ).status_code for _ in range(times)]


def test_after_ten_failed_attempts_an_address_is_told_to_wait(client: FlaskClient) -> None:
    """A wrong secret is a 401 ten times a minute and then a 429 with the seconds to wait; others go on."""
    assert fail(client, MOST_A_MINUTE + 2) == [401] * MOST_A_MINUTE + [429] * 2

    answer = post(client, TRACK, headers={"Authorization": "wrong"}, environ_base={"REMOTE_ADDR": "192.0.2.1"})

    assert (answer.status_code, answer.get_json()["code"]) == (429, "too_many_attempts")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert fail(client, address="192.0.2.2") == [401]


def test_a_right_secret_gets_in_whatever_its_address_did(client: FlaskClient) -> None:
    """Segment's addresses are shared by all its customers: nobody can lock another out."""
    fail(client, 3 * MOST_A_MINUTE)

    answers = [post(client, TRACK, environ_base={"REMOTE_ADDR": "192.0.2.1"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [("/webhook/nobody", "wrong", 404), ("/impressions/nobody", "wrong", 404), ("/v1/track", "no-such-key", 401)],
)
def test_every_door_counts_alike(client: FlaskClient, path: str, key: str, status: int) -> None:
    """Names and write keys can be guessed as well; what fails at one endpoint counts at all."""
    failing = {
        "path": path,
        "headers": {"Authorization": basic(key)},
        "environ_base": {"REMOTE_ADDR": "192.0.2.1"},
    }

    statuses = [post(client, TRACK, **failing).status_code for _ in range(MOST_A_MINUTE + 1)]

    assert statuses == [status] * MOST_A_MINUTE + [429]
    assert fail(client) == [429]


def test_what_is_wrong_with_a_message_is_no_failed_attempt(client: FlaskClient) -> None:
    """Only who does not get in counts."""
    assert {post(client, b"{", headers={}).status_code for _ in range(3 * MOST_A_MINUTE)} == {400}


def test_the_body_of_a_failed_attempt_is_never_read(client: FlaskClient) -> None:
    """Below the limit and above it, a body that can't even be read is not looked at."""
    post_unread = {"headers": {"Authorization": "wrong"}, "content_length": 10**12}

    assert [post(client, b"\x1f\x8b", **post_unread).status_code for _ in range(12)] == [401] * 10 + [429] * 2


def test_a_minute_later_the_address_starts_anew() -> None:
    """The wait that is told is the wait that holds."""
    clock = Clock()
    attempts = Attempts(clock)

    waits = [attempts.failed("192.0.2.1") for _ in range(MOST_A_MINUTE + 1)]
    clock.seconds += waits[-1]

    assert (waits, attempts.failed("192.0.2.1")) == ([0] * MOST_A_MINUTE + [60], 0)


def test_a_network_of_ipv6_is_one_address() -> None:
    """Who holds one address of such a network holds them all."""
    attempts = Attempts(Clock())

    waits = [attempts.failed(f"2001:db8:0:7::{n:x}") for n in range(MOST_A_MINUTE + 1)]

    assert (waits[-1], attempts.failed("2001:db8:0:8::1")) == (60, 0)


def test_any_number_of_addresses_takes_no_more_memory_than_one() -> None:
    """However many addresses fail, the counters stay as large as they are."""
    attempts = Attempts(Clock())
    attempts.failed("192.0.2.1")
    tracemalloc.start()

    try:
        for number in range(50_000):
            attempts.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
        max_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert max_bytes < 500_000


@pytest.fixture
def make_app(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Flask]:
    """Make the application as behind this many proxies."""

    def make(proxies: str) -> Flask:
        monkeypatch.setenv("WEB_PROXIES", proxies)
        return create_app(settings)

    return make


@pytest.mark.parametrize(("proxies", "status"), [("0", 429), ("1", 401)])
def test_the_address_behind_a_proxy_counts_only_when_told(
    make_app: Callable[[str], Flask], proxies: str, status: int
) -> None:
    """Without a word of the operator a sender's own header means nothing, or it would be anyone it likes."""
    client = make_app(proxies).test_client()
    for number in range(MOST_A_MINUTE):
        fail(client, X_Forwarded_For=f"198.51.100.{number}")

    assert fail(client, X_Forwarded_For="198.51.100.99") == [status]


def test_behind_a_proxy_the_address_that_it_saw_counts(make_app: Callable[[str], Flask]) -> None:
    """What a sender wrote into the header itself stands before that and means nothing."""
    client = make_app("1").test_client()
    for number in range(MOST_A_MINUTE):
        fail(client, X_Forwarded_For=f"198.51.100.{number}, 203.0.113.5")

    assert fail(client, X_Forwarded_For="198.51.100.99, 203.0.113.5") == [429]
