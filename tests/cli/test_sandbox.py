"""sandbox: as a separate command."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import orjson
import pytest
import urllib3

from split_dest import config
from split_dest.cli.processes import call
from split_dest.outlets.http import HttpClient
from split_dest.outlets.split_events import request
from tests.support.commands import descendants, ended, interrupted, listening, lives, ran, start, wait_until
from tests.support.sandbox import Sandbox, event, free_port


def test_the_sandbox_serves_until_ctrl_c():
    """It accepts the chosen key and no other, listens on loopback alone, and ends with exit code 0."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    wide = {"GUNICORN_CMD_ARGS": "--bind 0.0.0.0:0", "HOST": "0.0.0.0"}  # noqa: S104 (what must not be followed)
    running = start("sandbox", "--port", port, "--sdk-key", "mine", environ=wide)
    first_line = running.stdout.readline().decode()
    wait_until(lambda: answers(url))

    http = HttpClient(5)
    taken = http.send(request(f"{url}/api", "mine", [orjson.dumps(event())]))
    with pytest.raises(Exception, match="key_refused"):
        http.send(request(f"{url}/api", "another", []))
    addresses = listening([running.pid, *descendants(running.pid)])
    result = interrupted(running)

    assert addresses == {"127.0.0.1"}
    assert first_line.startswith(f"Sandbox at {url}, until Ctrl-C.")
    assert taken.status == 202
    assert result.code == 0
    assert result.err == ""


def test_what_it_prints_are_settings_that_lead_to_it(tmp_path):
    """The blocks put together are a settings file that loads with the printed variables."""
    port = free_port()
    running = start("sandbox", "--port", port, "--sdk-key", "it's mine")
    wait_until(lambda: answers(f"http://127.0.0.1:{port}"))
    _, top, _, split, _, exports = interrupted(running).out.split("\n\n", 5)

    intended = "    authorization: [here]\n" + re.sub("^", "    ", split, flags=re.MULTILINE)
    file = tmp_path / "settings.yaml"
    file.write_text(f"{top}\ndestinations:\n  web:\n{intended}\n".replace("[here]", '["${SECRET}"]'))
    shell = subprocess.run(["sh", "-c", f"{exports}\nenv -0"], capture_output=True, check=True)
    variables = dict(line.split("=", 1) for line in shell.stdout.decode().split("\0") if line)
    settings = config.load(file, {**variables, "SECRET": "a secret of sixteen"})

    assert settings.split.events_url == f"http://127.0.0.1:{port}/api"
    assert settings.split.admin_url == f"http://127.0.0.1:{port}/internal/api/v2"
    assert settings.segment.url == f"http://127.0.0.1:{port}/v1"
    assert settings.destinations["web"].split.sdk_key.reveal() == "it's mine"
    assert settings.destinations["web"].split.admin_key.reveal() == "sandbox-admin-key"
    assert variables["SEGMENT_WRITE_KEY"] == "sandbox-write-key"


def test_a_port_in_use_is_reported_at_once(started_sandbox: Sandbox):
    """One sentence on stderr, no further tries, and exit code 1; no address is announced."""
    port = started_sandbox.url.rpartition(":")[2]

    result = ran("sandbox", "--port", port)

    assert result.code == 1
    assert result.out == ""
    assert result.err == f"Error: Port {port} can't be used: Address already in use. Choose another with --port.\n"


@pytest.mark.parametrize(
    ("send", "number"),
    [
        (os.killpg, signal.SIGINT),
        (os.killpg, signal.SIGHUP),
        (os.kill, signal.SIGHUP),
        (os.kill, signal.SIGTERM),
    ],
)
def test_a_signal_ends_it_and_leaves_no_process(send: Callable[[int, int], None], number: signal.Signals):
    """Ctrl-C and a closing terminal reach the whole process group, `kill` only the first process."""
    port = free_port()
    running = start("sandbox", "--port", port, start_new_session=True)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}"))
    below = descendants(running.pid)

    send(running.pid, number)
    result = ended(running)

    assert result.code == 0
    assert result.err == ""
    assert len(below) == 1
    assert [command for pid, command in below.items() if lives(pid)] == []


def test_ctrl_c_that_is_held_down_ends_it_quietly():
    """Each one reaches both processes, wherever the one that serves is in its end."""
    port = free_port()
    running = start("sandbox", "--port", port, start_new_session=True)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}"))
    (serving,) = descendants(running.pid)

    while lives(serving):
        os.killpg(running.pid, signal.SIGINT)
        time.sleep(0.01)
    result = ended(running)

    assert result.err == ""
    assert result.code == 0


def test_a_closed_terminal_ends_it():
    """The terminal is a real one; nothing that was started in it is left."""
    port = free_port()
    command = [sys.executable, "-m", "split_dest", "sandbox", "--port", port]
    terminal = start(*command, program=["-c", "import pty, sys; pty.spawn(sys.argv[1:])"])
    wait_until(lambda: answers(f"http://127.0.0.1:{port}"))
    below = descendants(terminal.pid)

    terminal.kill()

    assert len(below) == 2
    wait_until(lambda: not any(lives(pid) for pid in below), 10)


def test_under_nohup_a_closed_terminal_changes_nothing():
    """A process that is started with SIGHUP ignored keeps running, and keeps what arrived."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = [
        "-c",
        "import os, sys; os.execvp('nohup', ['nohup', sys.executable, '-m', 'split_dest', *sys.argv[1:]])",
    ]
    running = start("sandbox", "--port", port, program=program, start_new_session=True)
    wait_until(lambda: answers(url))
    call("POST", f"{url}/v1/track", orjson.dumps({"event": "e", "userId": "u", "writeKey": "sandbox-write-key"}))

    os.killpg(running.pid, signal.SIGHUP)
    time.sleep(0.5)

    assert orjson.loads(call("GET", f"{url}/_sandbox/counts").data)["tracks"] == 1
    assert interrupted(running).code == 0


def test_its_help_tells_the_keys_and_every_field_of_a_fault(typed, sandbox: Sandbox):
    """The defaults of the keys stand there unbroken, and the fault that it shows is accepted."""
    text = typed("sandbox", "--help").out
    (shown,) = re.findall(r"-d '(.*)'", text)

    answer = sandbox.call("PUT", "/_sandbox/faults", orjson.loads(shown))

    for key in ("sandbox-sdk-key", "sandbox-admin-key", "sandbox-write-key"):
        assert f"[default: {key}]" in text
    fields = re.findall(r"^ {4}(\w+) {2,}\w", text.partition("The fields of a fault")[2], re.MULTILINE)
    assert fields == [
        "api", "status", "retryAfter", "headers", "body", "delayMs", "drop", "failKeys", "containing", "times",
        "seconds",
    ]  # fmt: skip
    assert answer.status == 200
    assert max(map(len, text.splitlines())) <= 80


def test_the_sandbox_has_no_option_for_another_address():
    """It takes what anybody sends, so it can't be asked to listen to more than this machine."""
    typed = ran("sandbox", "--host", "0.0.0.0")  # noqa: S104 (what must be refused)

    assert typed.code == 2
    assert "No such option" in typed.err


def answers(url: str) -> bool:
    """Tell whether the sandbox answers."""
    try:
        return call("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False
