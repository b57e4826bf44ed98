"""status: real numbers, rests, and a Redis that is away."""

import socket
import time

import orjson

from tests.cli.typed import ran, start
from tests.support.service import tracks

ZERO = {"received": 0, "delivered": 0, "duplicate": 0, "pending": 0, "in_flight": 0, "dead": 0}


def of_lane(found, name):
    """Gives a lane's counts out of --json."""
    numbers = found.json[0]["destinations"]["web"][name]
    return {key: numbers[key] for key in (*ZERO, "filtered")}


def test_a_new_destination_has_zeros_and_no_workers(command):
    """Every lane of the settings is shown before anything came, and nothing rests."""
    found = command("status")

    assert (found.code, found.err) == (0, "")
    first, head, *lanes = [line.split() for line in found.out.splitlines()]
    assert first == ["workers", "alive:", "0"]
    assert " ".join(head) == "lane received delivered filtered duplicate pending in flight dead oldest"
    assert lanes == [["web", name, *"0000000"] for name in ("events", "identities", "impressions")]


def test_the_numbers_are_those_of_the_messages(command, door, store):
    """Two pending, one of them sent twice, one dead: each stands in its column, thousands with a comma."""
    door(
        *tracks(2),
        *tracks(1),
        {"type": "track", "userId": []},
        {"type": "identify", "userId": "u", "messageId": "i"},
    )
    store.client.hincrby("sd:web:counts", "identities:received", 1_000_000)

    found, table = command("status", "--json"), command("status")

    assert of_lane(found, "events") == {
        **ZERO,
        "received": 4,
        "duplicate": 1,
        "pending": 2,
        "dead": 1,
        "filtered": {},
    }
    assert of_lane(found, "identities")["pending"] == 1
    rows = [line.split() for line in table.out.splitlines()[2:]]
    assert rows[0][:9] == ["web", "events", "4", "0", "0", "1", "2", "0", "1"]
    assert rows[1][2] == "1,000,001"
    assert rows[0][9:] in (["0", "s"], ["1", "s"])


def test_at_work_it_tells_deliveries_workers_and_why_a_lane_rests(command, working, sandbox):
    """With a worker alive: what is delivered and filtered; then Split refuses, and the lane rests for a reason."""
    working.post([*tracks(3), {"type": "alias", "messageId": "a", "userId": "u"}])
    working.wait_until(lambda: working.lane().pending == 0)
    sandbox.faults({"api": "events", "status": 503, "retryAfter": 60})
    working.post(tracks(2, start=10))
    working.wait_until(lambda: working.lane().resting_until_ms is not None)

    found, table = (command("status", *option) for option in (["--json"], []))

    numbers = found.json[0]["destinations"]["web"]["events"]
    assert (found.code, found.json[0]["workers"]) == (0, 1)
    assert (numbers["delivered"], numbers["filtered"], numbers["pending"]) == (3, {"unsupported_type": 1}, 2)
    assert (numbers["resting_reason"], numbers["refusals"]) == ("upstream_error", 1)
    assert 50_000 < numbers["resting_until_ms"] - found.json[0]["taken_ms"] < 62_000
    assert table.out.startswith("workers alive: 1\n")
    assert "web events filtered: unsupported_type 1" in table.out.splitlines()
    assert "web events noted: alias 1" in table.out.splitlines()
    rest = table.out.splitlines()[-1]
    assert rest.startswith("web events rests for ")
    assert rest.endswith(" s: upstream_error (POST /events/bulk: 503)")


def test_redis_away_is_told_within_seconds(typed, away, settings):
    """Nobody listens: exit code 1, one line that says what to look at, and no long wait."""
    started = time.monotonic()

    found = ran("status", "--config", away, environ=settings.environ)

    assert time.monotonic() - started < 5
    assert (found.code, found.out) == (1, "")
    assert found.err == (
        "Redis: ConnectionError: is Redis running, and does redis.url in the settings lead to it?\n"
    )


def test_a_redis_that_does_not_answer_is_told_within_seconds(command, settings):
    """A Redis that is stopped, or behind a firewall that swallows packets, is no reason to wait for ever."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        lines = settings.file.read_text().replace("redis: {url: ", "#").splitlines()
        settings.file.write_text(
            "\n".join([f"redis: {{url: 'redis://127.0.0.1:{silent.getsockname()[1]}'}}", *lines])
        )
        started = time.monotonic()

        found = command("status")

    assert time.monotonic() - started < 5
    assert (found.code, found.out) == (1, "")
    assert found.err.startswith("Redis: TimeoutError: is Redis running")


def test_a_password_never_shows_when_redis_is_away(typed, away, settings):
    """The address in the settings may hold a password; the message does not repeat it."""
    lines = away.read_text().splitlines()[1:]
    away.write_text("\n".join(['redis: {url: "redis://:${PASSWORD}@127.0.0.1:1/0"}', *lines]))
    given = {name: settings.environ[name] for name in ("TEST_SECRET", "TEST_SDK_KEY", "TEST_ADMIN_KEY")}

    found = typed("status", "--config", away, environ=given | {"PASSWORD": "kanari-7f3a"})

    assert (found.code, found.out) == (1, "")
    assert "kanari-7f3a" not in found.err


def test_watch_goes_on_until_ctrl_c(settings, door):
    """Anew every second; Ctrl-C is how it is meant to end, so that the exit code is 0."""
    door(*tracks(1))
    with start("status", "--watch", "--json", environ=settings.environ) as watching:
        lines = [orjson.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(2)
        code = watching.wait(10)

    assert code == 0
    assert 900 < lines[1]["taken_ms"] - lines[0]["taken_ms"] < 5000
    assert [line["destinations"]["web"]["events"]["pending"] for line in lines] == [1, 1]
