"""import: stopped, killed, left without Redis, and not one message lost or doubled, though no id is remembered."""

import gzip
import re
import signal
import subprocess
import time
from pathlib import Path

import orjson
import pytest

from split_dest import embedded_redis
from split_dest.inbox.store import Store, connect
from tests.support.commands import ended, interrupted, start, wait_until
from tests.support.redis_server import wait_for_redis
from tests.support.service import tracks

STREAM = "sd:web:events:stream"
COUNT = 6000


@pytest.fixture
def file(tmp_path):
    """A file that takes a while."""
    path = tmp_path / "messages.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(orjson.dumps(each) + b"\n" for each in tracks(COUNT)), 1))
    return path


@pytest.fixture
def forgetful(settings):
    """Settings under which every id counts as new."""
    settings.file.write_text(settings.file.read_text() + "intake: {dedupe_hours: 0}\n")
    return settings


@pytest.fixture
def begin(forgetful, file):
    """Start the import in a separate process."""

    def run(*options, rate: int = 100_000):
        return start("import", file, "--destination", "web", "--rate", rate, *options, environ=forgetful.environ)

    return run


def ids(store) -> list[str]:
    """Return the ids of all that was stored, with those that came twice."""
    return [orjson.loads(fields[b"m"])["messageId"] for _, fields in store.client.xrange(STREAM)]


ALL = [f"m-{n}" for n in range(COUNT)]


def test_killed_again_and_again_it_stores_each_message_once(begin, store):
    """A kill -9 in the middle: the next start goes on behind what is stored, whatever was under way."""
    for goal in (1, 1500, 2800, 4000):
        process = begin(rate=2500)
        wait_until(lambda goal=goal: store.client.xlen(STREAM) >= goal)
        process.kill()
        process.wait(10)
    held = store.client.xlen(STREAM)

    result = ended(begin())

    assert 4000 <= held < COUNT
    assert result.code == 0
    assert result.err == f"Resuming after line {held:,}\n"
    assert result.json[-1]["accepted"] == COUNT - held
    assert ids(store) == ALL


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_after_the_step_at_hand(begin, store, with_signal):
    """It says where it stopped, and the same command goes on there."""
    process = begin(rate=1000)
    wait_until(lambda: store.client.xlen(STREAM) >= 300)
    stopped = interrupted(process, with_signal)
    held = store.client.xlen(STREAM)

    again = ended(begin())

    assert (stopped.code, stopped.err) == (
        130,
        f"Stopped after line {held}. Run the same command to resume.\n",
    )
    assert (stopped.json[-1]["line"], stopped.json[-1]["finished"]) == (held, False)
    assert (again.code, again.err) == (0, f"Resuming after line {held:,}\n")
    assert (again.json[-1]["line"], again.json[-1]["finished"]) == (COUNT, True)
    assert ids(store) == ALL


def test_a_pause_of_the_rate_ends_with_ctrl_c(begin, store):
    """At one message a second nobody waits for the next."""
    process = begin(rate=1)
    wait_until(lambda: store.client.xlen(STREAM) == 1)

    stopped = interrupted(process)

    assert (stopped.code, store.client.xlen(STREAM)) == (130, 1)


def test_a_dry_run_ends_with_ctrl_c(begin, store):
    """There is nothing to go on with."""
    process = begin("--dry-run", rate=10)
    process.stdout.readline()

    stopped = interrupted(process)

    assert stopped.code == 130
    assert re.fullmatch(r"Stopped after line \d+\. Nothing was stored\.\n", stopped.err)


def test_without_redis_it_waits_until_ctrl_c(file, away, forgetful):
    """It says what it waits for, gives a sign of life each second, and ends when the person wants."""
    process = start("import", file, "--destination", "web", "--config", away, environ=forgetful.environ)
    numbers = [orjson.loads(process.stdout.readline()) for _ in range(2)]

    stopped = interrupted(process)

    assert [(each["messages"], each["finished"]) for each in numbers] == [(0, False)] * 2
    waiting, end = stopped.err.splitlines()
    assert waiting == "waiting for Redis: ConnectionError; resumes automatically (Ctrl-C to stop)"
    assert (stopped.code, end) == (130, "Stopped before the first line. Run the same command to resume.")


def test_a_full_redis_is_waited_for(begin, store):
    """Above the mark nothing is stored; when the workers have made room it goes on by itself."""
    used = store.client.info("memory")["used_memory"]
    store.client.config_set("maxmemory", used * 11 // 10)
    try:
        process = begin()
        first = process.stderr.readline()
        held = store.client.xlen(STREAM)
    finally:
        store.client.config_set("maxmemory", 0)
    result = ended(process)

    assert first == b"waiting for Redis: over 80 % of maxmemory; resumes automatically (Ctrl-C to stop)\n"
    assert held == 0
    assert (result.code, result.err) == (0, "resuming\n")
    assert ids(store) == ALL


@pytest.fixture
def own(tmp_path, forgetful):
    """A Redis of the test's own, which the settings name; return how to start it and its store."""
    folder = tmp_path / "own"
    folder.mkdir()
    text = forgetful.file.read_text()
    address = text.partition('redis: {url: "')[2].partition('"')[0]
    forgetful.file.write_text(text.replace(address, f"unix://{folder}/redis.sock"))
    servers = []

    def begin_server():
        servers.append(subprocess.Popen(embedded_redis.command(str(folder))))
        wait_for_redis(connect("embedded", str(folder)))
        return servers[-1]

    yield begin_server, Store(connect("embedded", str(folder)))
    servers[-1].kill()
    servers[-1].wait(10)


def test_a_killed_redis_is_waited_for_and_nothing_is_doubled(own, begin):
    """A kill -9 of Redis in the middle of a step: it waits, says so, and goes on by itself when Redis is back."""
    begin_server, store = own
    server = begin_server()
    process = begin(rate=4000)
    wait_until(lambda: store.client.xlen(STREAM) >= 2000)
    server.kill()
    server.wait(10)
    first = process.stderr.readline()
    begin_server()

    result = ended(process)

    assert first.startswith(b"waiting for Redis: ")
    assert (result.code, result.err) == (0, "resuming\n")
    assert result.json[-1]["accepted"] == COUNT
    assert ids(store) == ALL


def test_a_redis_that_falls_silent_in_a_step_is_asked_again(own, begin):
    """The answer is lost but the step is stored: it is not stored again, and counts once."""
    begin_server, store = own
    server = begin_server()
    process = begin(rate=4000)
    wait_until(lambda: store.client.xlen(STREAM) >= 1000)
    server.send_signal(signal.SIGSTOP)
    first = process.stderr.readline()
    server.send_signal(signal.SIGCONT)

    result = ended(process)

    assert first == b"waiting for Redis: TimeoutError; resumes automatically (Ctrl-C to stop)\n"
    assert (result.code, result.json[-1]["accepted"]) == (0, COUNT)
    assert ids(store) == ALL


def test_a_bookmark_that_is_gone_ends_it(begin, store):
    """Whoever empties Redis in the middle is told, instead of a file that is stored from its middle on."""
    process = begin(rate=2000)
    wait_until(lambda: store.client.xlen(STREAM) >= 500)
    store.client.flushall()

    result = ended(process)

    assert result.code == 1
    assert "another import of this file is running, or Redis has lost its data" in result.err
    assert store.client.xlen(STREAM) == 0


def test_two_imports_of_one_file_at_once_double_nothing(begin, store):
    """Whoever finds that the other has moved the bookmark ends and stores nothing more."""
    first = begin(rate=2000)
    wait_until(lambda: store.client.xlen(STREAM) >= 400)
    first.send_signal(signal.SIGSTOP)
    second = begin(rate=3000)
    numbers = second.stderr.readline()
    first.send_signal(signal.SIGCONT)

    result = [ended(each) for each in (first, second)]

    assert numbers.startswith(b"Resuming after line ")
    assert sorted(each.code for each in result) == [0, 1]
    assert "another import of this file is running" in "".join(each.err for each in result)
    assert ids(store) == ALL


def peak_kilobytes(process) -> int:
    """Wait for the end of a process; return the most memory that it had."""
    peak = 0
    while process.poll() is None:
        # Of a process that has just ended, the line is missing. What wait4 gives holds the parent's peak as well.
        result = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
        peak = int(result[1]) if result else peak
        time.sleep(0.01)
    assert process.returncode == 0
    return peak


def test_memory_is_flat_however_large_the_file(begin, store, file):
    """Ninety megabytes more in the file: a peak that moves with the allocator's luck, by far less than these."""
    peaks = []
    for count in (1500, 6000):
        large = tracks(count, properties={"text": "x" * 20_000})
        file.write_bytes(gzip.compress(b"".join(orjson.dumps(each) + b"\n" for each in large), 1))
        peaks.append(peak_kilobytes(begin()))

    assert store.client.xlen(STREAM) == 7500
    assert peaks[1] - peaks[0] < 45_000, peaks
