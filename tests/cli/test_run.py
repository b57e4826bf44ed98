"""run: the whole service on this machine, from the first process to the last."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import urllib3

from split_dest import embedded_redis
from split_dest.cli.processes import call, web_command, worker_command
from split_dest.inbox import ledger
from split_dest.inbox.store import Store, connect
from tests.support import service
from tests.support.commands import descendants, ended, interrupted, listening, lives, ran, start, wait_until
from tests.support.sandbox import free_port
from tests.support.service import SECRET


@pytest.fixture
def embedded(settings, tmp_path) -> Path:
    """Settings whose Redis is the embedded one, in a folder of the test."""
    lines = settings.file.read_text().splitlines()
    head = "{url: embedded, data_dir: %s}" % (tmp_path / "data")
    file = tmp_path / "embedded.yaml"
    file.write_text("\n".join(f"redis: {head}" if line.startswith("redis:") else line for line in lines))
    return file


def answers(url: str) -> bool:
    """Return whether an address answers with 200."""
    try:
        return call("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def procfile(folder: Path, *commands: str) -> Path:
    """Return a Procfile of these commands."""
    file = folder / "Procfile"
    file.write_text("".join(f"p{n}: {command}\n" for n, command in enumerate(commands)))
    return file


@pytest.fixture
def empty(tmp_path) -> Path:
    """Return a folder that holds nothing but a module whose name is that of the workers' package."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "workers.py").write_text("raise SystemExit('not this one')")
    return tmp_path / "empty"


def test_everything_runs_until_ctrl_c_and_nothing_is_left(embedded, settings, sandbox, tmp_path, empty):
    """A message comes in and arrives; Ctrl-C ends all with exit code 0, Redis after everybody else.

    In an empty folder: nothing of the repository is needed. Nobody beyond this machine can reach it.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = settings.environ | {"PORT": str(port), "WORKER_CONCURRENCY": "1"}
    running = start("run", "--config", embedded, environ=environ, cwd=empty)
    wait_until(lambda: answers(f"{url}/readyz"))
    message = b'{"type":"track","event":"A","userId":"u"}'
    posted = call("POST", f"{url}/webhook/web", message, {"Authorization": SECRET})
    arrived = sandbox.wait_for("events", 1)
    below, addresses = descendants(running.pid), listening(descendants(running.pid))
    redis = next(pid for pid, command in below.items() if "redis-server" in command)

    running.send_signal(signal.SIGINT)
    wait_until(lambda: not lives(redis))
    outlived_by = [command for pid, command in below.items() if lives(pid)]
    result = ended(running)

    assert (posted.status, arrived[0]["eventTypeId"], addresses) == (200, "A", {"127.0.0.1"})
    assert outlived_by == []
    assert (result.code, result.err) == (0, "")
    assert f"ready at {url}\n" in result.out
    assert "SIGINT received" in result.out
    assert result.out.splitlines()[-1].endswith("| worker stopped")
    assert not [command for pid, command in below.items() if lives(pid)]
    assert not (tmp_path / "data" / "redis.sock").exists()


def test_what_was_accepted_outlives_the_end(embedded, settings, tmp_path):
    """The embedded Redis keeps messages on disk: after another start they are there."""
    environ = settings.environ | {"PORT": str(free_port())}
    idle = procfile(tmp_path, "sleep 60")
    store = Store(connect("embedded", str(tmp_path / "data")))
    first = start("run", "--config", embedded, "--procfile", idle, environ=environ)
    wait_until(lambda: embedded_redis.is_ready(str(tmp_path / "data")))
    store.client.xadd("sd:web:events:stream", {"m": b"{}", "t": 1})

    codes = [interrupted(first).code]
    second = start("run", "--config", embedded, "--procfile", idle, environ=environ)
    wait_until(lambda: embedded_redis.is_ready(str(tmp_path / "data")))
    pending = ledger.read(store, ["web"]).lanes["web", "events"].pending
    codes.append(interrupted(second, signal.SIGTERM).code)
    store.client.close()

    assert (codes, pending) == ([0, 0], 1)


def test_sighup_is_passed_on_and_all_goes_on(embedded, settings, sandbox):
    """A destination that was added is served by web and workers, without a restart."""
    port = free_port()
    environ = settings.environ | {"PORT": str(port), "HOST": "127.0.0.1", "WORKER_CONCURRENCY": "1"}
    running = start("run", "--config", embedded, environ=environ)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), 60)
    new = '\n  new: {authorization: ["${TEST_SECRET}"], split: {sdk_key: "${TEST_SDK_KEY}"}, '
    new += "identify: {enabled: false}, group: {enabled: false}}"
    embedded.write_text(embedded.read_text() + new)

    running.send_signal(signal.SIGHUP)
    message, headers = b'{"type":"track","event":"A","userId":"u"}', {"Authorization": SECRET}
    endpoint = f"http://127.0.0.1:{port}/webhook/new"
    wait_until(lambda: call("POST", endpoint, message, headers).status == 200, 60)
    arrived = sandbox.wait_for("events", 1, 60)
    result = interrupted(running)

    assert [event["key"] for event in arrived] == ["u"]
    assert (result.code, result.err) == (0, "")
    assert "settings_refused" not in result.out
    # gunicorn's master, its one process, and the supervisor of the workers.
    assert result.out.count("settings_read") == 3


def test_processes_that_know_no_sighup_outlive_it(settings, tmp_path):
    """Neither a shell nor what it runs ends, and so neither does the rest."""
    file = procfile(tmp_path, "sleep 60; true")
    running = start("run", "--procfile", file, environ=settings.environ)
    wait_until(lambda: len([c for c in descendants(running.pid).values() if c.startswith("sleep")]) == 1)

    running.send_signal(signal.SIGHUP)
    time.sleep(0.5)

    assert running.poll() is None
    assert interrupted(running).code == 0


def test_a_closed_terminal_ends_all(settings, tmp_path):
    """The SIGHUP of a terminal that is gone is no wish for other settings: nobody is left behind."""
    file = procfile(tmp_path, "while true; do echo tick; sleep 0.1; done", "sleep 60")
    command = [sys.executable, "-m", "split_dest", "run", "--procfile", file]
    spawn = ["-c", "import pty, sys; pty.spawn(sys.argv[1:])"]
    terminal = start(*command, program=spawn, environ=settings.environ)
    wait_until(lambda: b"p1 started" in terminal.stdout.readline())
    below = descendants(terminal.pid)

    terminal.kill()

    assert len(below) >= 3
    wait_until(lambda: not any(lives(pid) for pid in below), 60)


@pytest.mark.parametrize(("command", "code"), [("sleep 0.3; exit 3", 3), ("sleep 0.3", 0)])
def test_a_process_that_ends_by_itself_ends_all(settings, tmp_path, command, code):
    """Half a service is none: the others are stopped, and the exit code is 1 whatever that process's was."""
    file = procfile(tmp_path, command, "sleep 60")
    started = time.monotonic()

    result = ran("run", "--procfile", file, environ=settings.environ)

    assert time.monotonic() - started < 20
    assert result.code == 1
    assert f"| p0 stopped{'' if code == 0 else f' ({code})'}\n" in result.out
    assert "| p1 stopped\n" in result.out
    assert result.err == f"Error: p0 ended by itself ({code}); its lines above say why\n"


def test_ctrl_c_in_the_midst_of_the_start_ends_all_as_well(settings, tmp_path):
    """Many processes, and Ctrl-C as soon as the first has started: no stack trace, nobody left, exit code 0."""
    file = procfile(tmp_path, *["sleep 60"] * 12)
    running = start("run", "--procfile", file, environ=settings.environ)
    first = running.stdout.readline()
    below = descendants(running.pid)

    result = interrupted(running)

    assert b"started" in first
    assert (result.code, result.err) == (0, "")
    assert not [command for pid, command in below.items() if lives(pid)]


def test_the_processes_are_those_of_the_procfile():
    """Without a Procfile the same commands run, by this Python and not by whatever PATH finds first."""
    environ = os.environ | {"HOST": "10.1.2.3", "PORT": "81"}
    commands = {}
    for name, command in service.procfile().items():
        words = subprocess.check_output(["sh", "-c", f"printf '%s\\n' {command}"], env=environ, text=True)
        commands[name] = words.splitlines()

    assert commands == {
        "web": ["gunicorn", *web_command("10.1.2.3:81")[4:]],
        "worker": ["python", *worker_command()[2:]],
    }


def test_a_line_that_the_terminal_cant_show_stops_nothing(settings, tmp_path):
    """The lines after it are shown, and the process is not held up."""
    file = procfile(tmp_path, r"printf '\342\206\222\n'; echo next; sleep 60")
    running = start("run", "--procfile", file, environ=settings.environ | {"PYTHONIOENCODING": "latin-1"})

    wait_until(lambda: b"p0     | next" in running.stdout.readline())

    assert interrupted(running).code == 0


def test_a_procfile_without_processes_is_told(settings, tmp_path):
    """There is nothing to run."""
    result = ran("run", "--procfile", procfile(tmp_path), environ=settings.environ)

    assert (result.code, result.out) == (1, "")
    assert result.err == f"Error: {tmp_path}/Procfile names no process\n"


def test_a_port_that_is_in_use_is_told_before_anything_starts(settings):
    """In plain words, with the variables that change it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = ran("run", environ=settings.environ | {"PORT": str(port)})

    assert (result.code, result.out) == (1, "")
    assert result.err == f"Error: Port {port} is in use (HOST, PORT)\n"


def test_what_ignores_the_end_is_killed(settings, tmp_path):
    """A process that does not stop is killed when its time is over; a second Ctrl-C changes nothing."""
    file = procfile(tmp_path, "trap '' TERM; echo deaf; while true; do sleep 1; done", "sleep 60")
    script = "from split_dest.cli import main, processes; processes.STOP_SECONDS = 0.3; main()"
    running = start("run", "--procfile", file, program=["-c", script], environ=settings.environ)
    wait_until(lambda: b"deaf" in running.stdout.readline())
    below = descendants(running.pid)

    running.send_signal(signal.SIGINT)
    result = interrupted(running)

    assert result.code == 0
    assert "sending SIGKILL to p0" in result.out
    assert not [command for pid, command in below.items() if lives(pid)]


def test_a_data_directory_has_one_redis(embedded, settings, tmp_path, redis_dir):
    """A second Redis would take the first one's messages away; run tells and leaves the first alone."""
    embedded.write_text(embedded.read_text().replace(str(tmp_path / "data"), str(redis_dir)))

    result = ran("run", "--config", embedded, environ=settings.environ)

    assert (result.code, result.out) == (1, "")
    assert result.err == f"Error: Redis is already running for {redis_dir}. Is another split-dest running?\n"
    assert embedded_redis.is_served(str(redis_dir))


def test_a_redis_that_cant_start_is_told_with_its_own_words(embedded, settings, tmp_path):
    """A broken append-only file: nothing else is started, and what Redis said is shown."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "appendonly.aof").write_text("this is no append-only file\n")

    result = ran("run", "--config", embedded, environ=settings.environ)

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: redis ended with 1:\n")
    assert "append only file" in result.err


def test_when_redis_ends_by_itself_all_end(embedded, settings, tmp_path):
    """Without Redis nothing is accepted, so that the others are stopped; exit code 1 and Redis's exit code."""
    file = procfile(tmp_path, "sleep 60", "sleep 60")
    running = start("run", "--config", embedded, "--procfile", file, environ=settings.environ)
    wait_until(lambda: b"p1 started" in running.stdout.readline())
    below = descendants(running.pid)

    os.kill(next(pid for pid, command in below.items() if "redis-server" in command), signal.SIGKILL)
    result = ended(running)

    assert (result.code, result.err.splitlines()[0]) == (1, "Error: redis ended with -9:")
    assert not [command for pid, command in below.items() if lives(pid)]


def test_a_data_directory_that_cant_be_made_is_told(embedded, settings, tmp_path):
    """A file stands where the folder should: its path, and what the system says."""
    (tmp_path / "data").write_text("a file")

    result = ran("run", "--config", embedded, environ=settings.environ)

    assert (result.code, result.out) == (1, "")
    assert result.err == f"{tmp_path}/data: File exists\n"
