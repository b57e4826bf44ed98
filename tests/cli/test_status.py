"""status: real numbers, paused lanes, refused requests, and a Redis that is away."""

import re
import socket
import subprocess
import time

import orjson
import pytest

from split_dest import embedded_redis
from split_dest.errors import REASONS
from split_dest.inbox import ledger
from split_dest.inbox.embedded_socket import socket_path
from split_dest.inbox.store import connect
from tests.support.commands import ran, start
from tests.support.redis_server import wait_for_redis
from tests.support.service import tracks

ZERO = {"received": 0, "delivered": 0, "duplicate": 0, "pending": 0, "in_flight": 0, "dead": 0}

RIGHTS = "Use the user `console` of config/acl/users.acl in redis.url, or for an import `web`."


@pytest.fixture
def own_redis(tmp_path):
    """A Redis of the test's own; gives its folder."""
    folder = tmp_path / "own"
    with subprocess.Popen(embedded_redis.command(str(folder)), stdout=subprocess.DEVNULL) as server:
        wait_for_redis(connect("embedded", str(folder)))
        yield folder
        server.terminate()


def of_lane(result, name):
    """Return a lane's counts out of --json."""
    numbers = result.json[0]["destinations"]["web"][name]
    return {key: numbers[key] for key in (*ZERO, "filtered")}


def test_a_new_destination_has_zeros_and_no_workers(command):
    """Every lane that is on is shown before anything came, and nothing is paused."""
    result = command("status")

    assert (result.code, result.err) == (0, "")
    first, _, head, *lanes = result.out.splitlines()
    assert first == "workers alive: 0 (nothing is delivered: start `python -m workers`)"
    assert " ".join(head.split()) == "lane received delivered filtered duplicate pending in flight dead oldest"
    assert [lane.split() for lane in lanes] == [["web", name, *"0000000"] for name in ("events", "identities")]


def test_a_lane_that_is_off_takes_no_row(command, settings, endpoint):
    """Unless it has received something; --json has every lane."""
    on = settings.file.read_text()
    settings.file.write_text(on + "    identify: {enabled: false}\n    group: {enabled: false}\n")
    off = command("status")
    endpoint({"type": "identify", "userId": "u", "messageId": "i"})
    used = command("status")
    settings.file.write_text(on + "    exposures: {enabled: true}\n")
    exposing = command("status")

    assert lanes_of(off) == ["events"]
    assert lanes_of(used) == ["events", "identities"]
    assert lanes_of(exposing) == ["events", "identities", "impressions"]
    assert list(command("status", "--json").json[0]["destinations"]["web"]) == lanes_of(exposing)


def test_a_source_has_a_row_before_anything_came(command, settings):
    """Its lane can't be turned off."""
    rules = "tokens: ['${TEST_SECRET}'], write_key: '${TEST_WRITE_KEY}', default_identity: userId"
    settings.file.write_text(settings.file.read_text() + f"sources: {{flags: {{{rules}}}}}\n")

    result = command("status")

    assert result.code == 0, result.err
    assert result.out.splitlines()[-1].split() == ["flags", "tracks", *"0000000"]


def lanes_of(result):
    """Return the lanes that have a row."""
    rows = [line.split() for line in result.out.splitlines()]
    return [row[1] for row in rows if row[:1] == ["web"]]


def test_the_numbers_are_those_of_the_messages(command, endpoint, store):
    """Two pending, one of them sent twice, one dead: each stands in its column, thousands with a comma."""
    endpoint(
        *tracks(2),
        *tracks(1),
        {"type": "track", "userId": []},
        {"type": "identify", "userId": "u", "messageId": "i"},
    )
    store.client.hincrby("sd:web:counts", "identities:received", 1_000_000)

    result, table = command("status", "--json"), command("status")

    assert of_lane(result, "events") == {
        **ZERO,
        "received": 4,
        "duplicate": 1,
        "pending": 2,
        "dead": 1,
        "filtered": {},
    }
    assert of_lane(result, "identities")["pending"] == 1
    rows = [line.split() for line in table.out.splitlines()[3:]]
    assert rows[0][:9] == ["web", "events", "4", "0", "0", "1", "2", "0", "1"]
    assert rows[1][2] == "1,000,001"
    assert rows[0][9:] in (["0", "s"], ["1", "s"])


def test_at_work_it_tells_deliveries_workers_and_why_a_lane_is_paused(command, working, sandbox):
    """With a worker alive: what is delivered and filtered; then Split refuses, and the lane is paused."""
    working.post([*tracks(3), {"type": "alias", "messageId": "a", "userId": "u"}])
    working.wait_until(lambda: working.lane().pending == 0)
    sandbox.faults({"api": "events", "status": 503, "retryAfter": 60})
    working.post(tracks(2, start=10))
    working.wait_until(lambda: working.lane().resting_until_ms is not None)

    result, table = (command("status", *option) for option in (["--json"], []))

    numbers = result.json[0]["destinations"]["web"]["events"]
    assert (result.code, result.json[0]["workers"]) == (0, 1)
    assert (numbers["delivered"], numbers["filtered"], numbers["pending"]) == (3, {"unsupported_type": 1}, 2)
    assert (numbers["resting_reason"], numbers["refusals"]) == ("upstream_error", 1)
    assert 50_000 < numbers["resting_until_ms"] - result.json[0]["taken_ms"] < 62_000
    lines = table.out.splitlines()
    assert lines[0] == "workers alive: 1"
    said = re.escape('{"code":503,"message":"a fault was asked for"}')
    assert re.fullmatch(
        rf"web events paused for \d+ s: upstream_error \(POST /events/bulk: 503: {said}\)", lines[1]
    )
    assert (numbers["resting_detail"], said) == ("POST /events/bulk: 503", re.escape(numbers["resting_words"]))
    assert "web events filtered: unsupported_type 1" in lines
    assert "web events noted: alias 1" in lines
    meanings = [f"{code}: {REASONS[code]}" for code in ("alias", "unsupported_type", "upstream_error")]
    assert lines[-3:] == meanings


def test_refused_requests_are_told(command, store, settings):
    """By destination and code, with the time of the last one, and what each code means."""
    ledger.add_refused(
        store, {("web", "unauthorized"): 10, ("web", "bad_signature"): 1, ("-", "not_found"): 1_000}
    )

    table, result = command("status"), command("status", "--json")

    refused = [line for line in table.out.splitlines() if line.startswith("refused")]
    assert refused == [
        "refused at the endpoint: not_found 1,000, last 0 s ago",
        "refused at the endpoint: web bad_signature 1, unauthorized 10, last 0 s ago",
    ]
    assert f"unauthorized: {REASONS['unauthorized']}" in table.out.splitlines()
    assert result.json[0]["limited"] == 0
    assert result.json[0]["refused"]["web"]["unauthorized"]["requests"] == 10
    assert 0 <= result.json[0]["taken_ms"] - result.json[0]["refused"]["-"]["not_found"]["last_ms"] < 60_000


@pytest.fixture
def busy(settings, store, monkeypatch):
    """Settings with long names and a lane of millions; the test says how many columns there are."""
    names = settings.file.read_text().replace("  web:", "  web-production: &it") + "  shop-europe-staging: *it\n"
    settings.file.write_text(names)
    counts = {"received": 123_456_789, "delivered": 123_456_000, "filtered:page_unnamed": 789}
    for field, number in counts.items():
        store.client.hset("sd:web-production:counts", f"events:{field}", number)

    def columns(number):
        monkeypatch.setenv("COLUMNS", str(number))

    return columns


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (
            200,
            [
                f"lane{'received':>38}   delivered filtered duplicate pending in flight dead oldest",
                "web-production events          123,456,789 123,456,000      789         0       0         0    0",
                "web-production identities                0           0        0         0       0         0    0",
                "shop-europe-staging events               0           0        0         0       0         0    0",
                "shop-europe-staging identities           0           0        0         0       0         0    0",
            ],
        ),
        (
            80,
            [
                "           received delivered filtered duplicate pending in flight dead oldest",
                "web-production",
                "events       123.4M    123.4M      789         0       0         0    0",
                "identities        0         0        0         0       0         0    0",
                "shop-europe-staging",
                "events            0         0        0         0       0         0    0",
                "identities        0         0        0         0       0         0    0",
            ],
        ),
        (
            60,
            [
                "web-production events",
                "    received 123,456,789  delivered 123,456,000",
                "    filtered 789  duplicate 0  pending 0  in flight 0",
                "    dead 0",
                "web-production identities",
                "    received 0  delivered 0  filtered 0  duplicate 0",
                "    pending 0  in flight 0  dead 0",
                "shop-europe-staging events",
                "    received 0  delivered 0  filtered 0  duplicate 0",
                "    pending 0  in flight 0  dead 0",
                "shop-europe-staging identities",
                "    received 0  delivered 0  filtered 0  duplicate 0",
                "    pending 0  in flight 0  dead 0",
            ],
        ),
    ],
)
def test_numbers_fit_into_the_columns_that_there_are(command, busy, columns, rows):
    """Names are whole and no column is missing, however narrow a terminal is."""
    busy(columns)

    lines = command("status").out.splitlines()

    assert max(len(line) for line in lines) <= columns
    assert lines[lines.index(rows[0]) : len(rows) + lines.index(rows[0])] == rows


def test_all_columns_stand_below_names_while_the_numbers_fit(command, busy, store):
    """Exact to the last digit up to ten million at 80 columns."""
    busy(80)
    store.client.hset("sd:web-production:counts", mapping={"events:received": 7_654_321, "events:delivered": 1})

    lines = command("status").out.splitlines()

    assert "events     7,654,321         1      789         0       0         0    0" in lines


def test_ages_are_those_that_a_person_would_say(command, store, endpoint):
    """Days and not 172,800 seconds."""
    endpoint(*tracks(1))
    store.client.hset("sd:web:counts", "events:oldest_ms", store.now_ms() - 200_000_000)

    rows = [line.split() for line in command("status").out.splitlines()]

    assert next(row[-2:] for row in rows if row[:2] == ["web", "events"]) == ["2", "d"]


def test_redis_away_is_told_within_seconds(typed, away, settings):
    """Nobody listens: exit code 1, one line that says what to look at, and no long wait."""
    started = time.monotonic()

    result = ran("status", "--config", away, environ=settings.environ)

    assert time.monotonic() - started < 5
    assert (result.code, result.out) == (1, "")
    socket_file = away.parent / "nobody.sock"
    assert (
        result.err == f"Error: Redis at unix://{socket_file} can't be reached. Start it, or correct redis.url.\n"
    )


def test_the_embedded_redis_is_told_with_its_socket_and_how_to_start_it(typed, away, settings, monkeypatch):
    """The socket's whole path, because a relative data_dir depends on where the command was typed."""
    lines = away.read_text().splitlines()[1:]
    away.write_text("\n".join(["redis: {url: embedded, data_dir: var/redis}", *lines]))
    monkeypatch.chdir(away.parent)
    environ = {name: settings.environ[name] for name in ("TEST_SECRET", "TEST_SDK_KEY", "TEST_ADMIN_KEY")}

    result = typed("status", "--config", away, environ=environ)

    address = f"unix://{socket_path(away.parent / 'var/redis')}"
    help_text = "Start it with `split-dest run`, or correct redis.data_dir."
    assert result.err == f"Error: Redis at {address} can't be reached. {help_text}\n"


def test_many_codes_of_refused_requests_take_two_lines(command, store, monkeypatch):
    """Those that count most are named, the others added up; what each means stands below, and --json has all."""
    codes = ["unauthorized", "invalid_json", "body_too_large", "bad_signature", "body_incomplete", "invalid_gzip"]
    ledger.add_refused(store, {("web", code): 1000 + n for n, code in enumerate(codes)})

    monkeypatch.setenv("COLUMNS", "80")

    lines = command("status").out.splitlines()

    at = next(n for n, line in enumerate(lines) if line.startswith("refused"))
    assert " ".join(line.strip() for line in lines[at : at + 2]) == (
        "refused at the endpoint: web bad_signature 1,003, body_incomplete 1,004, invalid_gzip 1,005,"
        " 3 others 3,003, last 0 s ago"
    )
    assert all(any(line.startswith(f"{code}: ") for line in lines) for code in codes)


@pytest.mark.parametrize(
    ("user", "sentence"),
    [
        ("console:wrong", "refused the user name or the password. Correct them in redis.url."),
        (
            "web:right",
            f"gives this user no right to that. {RIGHTS}",
        ),
    ],
)
def test_what_redis_does_not_allow_is_told_without_the_password(typed, away, settings, own_redis, user, sentence):
    """A wrong password is not a Redis that is away."""
    client = connect("embedded", str(own_redis))
    client.execute_command("ACL", "SETUSER", "web", "on", ">right", "+ping")
    client.execute_command("ACL", "SETUSER", "console", "on", ">right", "+@all", "~*")
    lines = away.read_text().splitlines()[1:]
    address = f"{own_redis}/redis.sock"
    away.write_text(
        "\n".join([f'redis: {{url: "unix://{user.partition(":")[0]}:${{PASSWORD}}@{address}"}}', *lines])
    )
    environ = {name: settings.environ[name] for name in ("TEST_SECRET", "TEST_SDK_KEY", "TEST_ADMIN_KEY")}

    result = typed("status", "--config", away, environ=environ | {"PASSWORD": user.partition(":")[2]})

    assert (result.code, result.out) == (1, "")
    assert result.err == f"Error: Redis at unix://{address} {sentence}\n"


@pytest.mark.parametrize("words", [["status"], ["dead", "list"], ["dead", "drop", "--all", "--yes"]])
def test_a_user_that_may_only_look_is_told_what_it_lacks(typed, away, settings, own_redis, words):
    """Of a command that reached Redis as well: no question whether Redis runs."""
    client = connect("embedded", str(own_redis))
    client.execute_command("ACL", "SETUSER", "web", "on", ">right", "+ping", "+time")
    lines = away.read_text().splitlines()[1:]
    away.write_text("\n".join([f'redis: {{url: "unix://web:${{PASSWORD}}@{own_redis}/redis.sock"}}', *lines]))
    environ = {name: settings.environ[name] for name in ("TEST_SECRET", "TEST_SDK_KEY", "TEST_ADMIN_KEY")}

    result = typed(*words, "--config", away, environ=environ | {"PASSWORD": "right"})

    assert (result.code, result.out) == (1, "")
    assert result.err == f"Redis gives this user no right to that. {RIGHTS}\n"


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

        result = command("status")

    assert time.monotonic() - started < 5
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: Redis at redis://127.0.0.1:")
    assert "did not answer in time. Check that it runs" in result.err


def test_a_password_never_shows_when_redis_is_away(typed, away, settings):
    """The address in the settings may hold a password; the message does not repeat it."""
    lines = away.read_text().splitlines()[1:]
    away.write_text("\n".join(['redis: {url: "redis://:${PASSWORD}@127.0.0.1:1/0"}', *lines]))
    environ = {name: settings.environ[name] for name in ("TEST_SECRET", "TEST_SDK_KEY", "TEST_ADMIN_KEY")}

    result = typed("status", "--config", away, environ=environ | {"PASSWORD": "kanari-7f3a"})

    assert (result.code, result.out) == (1, "")
    assert "kanari-7f3a" not in result.err


def test_watch_goes_on_until_ctrl_c(settings, endpoint):
    """Again every second; Ctrl-C is how it is meant to end, so that the exit code is 0."""
    endpoint(*tracks(1))
    with start("status", "--watch", "--json", environ=settings.environ) as watching:
        lines = [orjson.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(2)
        code = watching.wait(10)

    assert code == 0
    assert 900 < lines[1]["taken_ms"] - lines[0]["taken_ms"] < 5000
    assert [line["destinations"]["web"]["events"]["pending"] for line in lines] == [1, 1]


def test_attempts_over_the_limit_are_told(command, store, settings):
    """As in /metrics."""
    ledger.add_limited(store, 1_501)

    result = command("status")

    assert "refused over the limit of an address: 1,501 of all these" in result.out.splitlines()
    assert command("status", "--json").json[0]["limited"] == 1501


def test_who_watches_sees_that_redis_is_away_and_is_back(own_redis, settings, tmp_path):
    """A person's watch goes on meanwhile."""
    lines = settings.file.read_text().strip().splitlines()[1:]
    settings.file.write_text("\n".join([f'redis: {{url: "unix://{own_redis}/redis.sock"}}', *lines]))
    client = connect("embedded", str(own_redis))
    with start("status", "--watch", environ=settings.environ) as watching:
        lines = iter(lambda: watching.stdout.readline().decode().strip(), None)
        before = next(line for line in lines if line.startswith("workers"))
        client.execute_command("CLIENT", "PAUSE", 8_000)
        away = next(line for line in lines if line.startswith("Redis"))
        after = next(line for line in lines if line.startswith("workers"))
        watching.send_signal(2)
        code = watching.wait(10)

    assert before == after
    assert away.startswith(f"Redis at unix://{own_redis}/redis.sock did not answer in time.")
    assert code == 0
