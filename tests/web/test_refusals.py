"""Refused requests leave a trace: in Redis, in /metrics and in the log, whatever a stranger sends at any rate."""

import logging
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from split_dest import embedded_redis
from split_dest.inbox import ledger
from split_dest.inbox.store import Store, connect
from split_dest.web.attempts import MOST_A_MINUTE
from split_dest.web.refusals import Refusals
from tests.support.endpoint import TRACK, basic
from tests.support.redis_server import wait_for_redis
from tests.support.service import SECRET, SETTINGS, Service

_STRANGER = "kanari-4b1d"


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


@pytest.fixture
def web(tmp_path: Path, own_redis: subprocess.Popen[bytes]) -> Iterator[Service]:
    """A web process on a Redis of the test's own."""
    del own_redis
    folder = tmp_path / "own"
    settings = SETTINGS.format(redis=f"unix://{folder}/redis.sock", sandbox="http://127.0.0.1:1")
    settings += "    write_keys: [wk]\n"
    service = Service(tmp_path, Store(connect("embedded", str(folder))), settings, WEB_CONCURRENCY="1")
    service.start_web()
    yield service
    service.stop()


def requests(store: Store) -> dict[tuple[str, str], int]:
    """Return the refused requests of the destination and of strangers, as Redis has them."""
    return {place: refused.requests for place, refused in ledger.read(store, ["web"]).refused.items()}


def test_refused_requests_are_counted_by_destination_and_code(web: Service) -> None:
    """Whichever endpoint refuses them; a name, path or key that is in no settings is never written down."""
    for _ in range(12):
        web.post([], Authorization=_STRANGER)
    web.post(b"oops")
    web.post([], f"/webhook/{_STRANGER}")
    web.post([], f"/impressions/{_STRANGER}")
    web.post([], f"/{_STRANGER}")
    web.post([], f"/v1/track?{_STRANGER}", Authorization=basic(_STRANGER))
    web.post(b"oops", "/v1/track", Authorization=basic("wk"))
    web.http.request("DELETE", f"{web.url}/webhook/web")

    web.wait_until(lambda: ("-", "method_not_allowed") in requests(web.store))

    assert requests(web.store) == {
        ("web", "unauthorized"): 12,
        ("web", "invalid_json"): 2,
        ("-", "unknown_destination"): 2,
        ("-", "not_found"): 1,
        ("-", "unknown_source"): 1,
        ("-", "method_not_allowed"): 1,
    }
    assert _STRANGER.encode() not in b"".join(web.store.client.hgetall("sd:refused"))
    metrics = web.http.request("GET", f"{web.url}/metrics").data.decode()
    assert 'split_dest_refused_total{code="unauthorized",destination="web"} 12.0' in metrics
    assert 'split_dest_refused_total{code="unknown_destination",destination="-"} 2.0' in metrics


def test_the_log_has_one_line_for_each_destination_and_code(web: Service) -> None:
    """The first one comes within a second; none quotes what a stranger wrote."""
    for _ in range(12):
        web.post([], Authorization=_STRANGER)
    web.post([], f"/webhook/{_STRANGER}")
    web.wait_until(lambda: len(requests(web.store)) == 2)

    lines = [orjson.loads(line) for line in web.log("web").splitlines()]

    refused = [
        (line["level"], line["destination"], line["code"], line["requests"])
        for line in lines
        if line["event"] == "request_refused"
    ]
    assert sorted(refused) == [("warning", "-", "unknown_destination", 1), ("warning", "web", "unauthorized", 12)]
    assert _STRANGER not in web.log("web")


def test_what_is_counted_when_the_process_ends_is_not_lost(web: Service) -> None:
    """SIGTERM in the second before the counts are written."""
    web.post([], Authorization="wrong")

    web.stop()

    assert requests(web.store) == {("web", "unauthorized"): 1}


def test_a_burst_over_the_limit_is_whole_within_seconds(web: Service) -> None:
    """No further request is needed; what comes in the last second is written when the process ends."""
    for _ in range(MOST_A_MINUTE + 8):
        web.post([], Authorization="wrong")
    web.wait_until(lambda: ledger.read(web.store, []).limited == 8, 5)
    web.post([], Authorization="wrong")

    web.stop()

    assert ledger.read(web.store, []).limited == 9
    assert 1 <= web.log("web").count("attempts_limited") <= 4


def test_a_pixel_that_is_lost_counts_as_refused(web: Service) -> None:
    """By its destination, if its write key is known, and the reason, as of the endpoints that can answer it."""
    data = [b"", b"%%%", b64encode(b"hello"), b64encode(b'{"event": "A"}'), b64encode(b'{"writeKey": "no"}')]
    data.append(b64encode(b'{"writeKey": "wk", "userId": "u"}'))
    for each in data:
        assert web.http.request("GET", f"{web.url}/v1/pixel/track", fields={"data": each}).status == 200
    assert web.http.request("GET", f"{web.url}/v1/pixel/{_STRANGER}?writeKey=wk").status == 200

    web.wait_until(lambda: sum(requests(web.store).values()) == 7, 5)

    assert requests(web.store) == {
        ("-", "invalid_json"): 3,
        ("-", "unknown_source"): 2,
        ("web", "event_not_defined"): 1,
        ("-", "not_found"): 1,
    }


def test_a_pixel_that_is_lost_while_redis_is_away_is_counted_later(
    web: Service, own_redis: subprocess.Popen[bytes]
) -> None:
    """Its sender will not try again, unlike those that are answered with 503."""
    call = {"writeKey": "wk", "userId": "u", "event": "A"}
    own_redis.kill()
    own_redis.wait(10)
    assert web.http.request("GET", f"{web.url}/v1/pixel/track", fields=call).status == 200

    with subprocess.Popen(embedded_redis.command(str(web.folder / "own"))) as server:
        wait_for_redis(web.store.client)
        web.wait_until(lambda: requests(web.store) == {("web", "store_unavailable"): 1}, 10)
        web.stop()
        server.terminate()


def test_counts_survive_a_change_of_the_settings(web: Service) -> None:
    """After SIGHUP a new application answers; what the former one counted is written all the same."""
    web.post([], Authorization="wrong")
    web.processes[0].send_signal(1)
    web.wait_until(lambda: web.log("web").count("settings_read") >= 2)
    web.post([], Authorization="wrong")

    web.wait_until(lambda: requests(web.store) == {("web", "unauthorized"): 2})


def test_a_flood_costs_one_write(store: Store) -> None:
    """Ten thousand refusals of two kinds are one call of a script of Redis, and none is counted twice."""
    refusals = Refusals(store, Clock())
    refusals.count(["web"], "unauthorized")
    refusals.flush()
    scripts_before = scripts_run(store)

    for _ in range(5_000):
        refusals.count(["web"], "unauthorized")
        refusals.count(["-"], "unknown_destination")
    refusals.flush()
    refusals.flush()

    assert scripts_run(store) - scripts_before == 1
    assert requests(store) == {("web", "unauthorized"): 5_001, ("-", "unknown_destination"): 5_000}


def scripts_run(store: Store) -> int:
    """Return how many scripts Redis has run since its start."""
    return int(store.client.info("commandstats")["cmdstat_evalsha"]["calls"])


def test_the_log_has_a_line_a_minute(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """Each line says how many requests were refused since the last one."""
    clock = Clock()
    refusals = Refusals(store, clock)
    for _ in range(119):
        refusals.count(["web"], "unauthorized")
        refusals.flush()
        clock.seconds += 1

    logged = [record.split_dest_fields["requests"] for record in caplog.records]

    assert logged == [1, 60]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_counts_wait_while_redis_is_away(tmp_path: Path) -> None:
    """They are added once Redis is there."""
    store = Store(connect("embedded", str(tmp_path)))
    refusals = Refusals(store, Clock())
    refusals.count(["web"], "unauthorized")
    refusals.flush()

    with subprocess.Popen(embedded_redis.command(str(tmp_path))) as server:
        wait_for_redis(store.client)
        refusals.count(["web"], "unauthorized")
        refusals.flush()
        counts = requests(store)
        server.terminate()

    assert counts == {("web", "unauthorized"): 2}


def test_a_removed_destination_is_not_shown(store: Store) -> None:
    """Its counts stay in Redis until the settings name it again; the time of the last one is Redis's own."""
    ledger.add_refused(store, {("removed", "unauthorized"): 3, ("web", "unauthorized"): 1, ("-", "not_found"): 2})

    taken = ledger.read(store, ["web"])

    assert set(taken.refused) == {("web", "unauthorized"), ("-", "not_found")}
    assert 0 <= taken.taken_ms - taken.refused["web", "unauthorized"].last_ms < 5_000


def test_the_secret_lets_in_whatever_was_refused_before(web: Service) -> None:
    """And what is accepted is no refusal."""
    web.post([], Authorization="wrong")
    assert web.post([TRACK], Authorization=SECRET).status == 200

    web.wait_until(lambda: requests(web.store) == {("web", "unauthorized"): 1})
