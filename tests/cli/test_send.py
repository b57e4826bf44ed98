"""send: messages of a file to an endpoint."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import orjson
import pytest

from split_dest.errors import REASONS
from tests.support.commands import ran
from tests.support.sandbox import free_port
from tests.support.service import SECRET, tracks


@pytest.fixture
def url(settings):
    """Return the address of a real endpoint."""
    settings.start_web()
    return f"{settings.url}/webhook/web"


@pytest.fixture
def answering() -> Iterator[HTTPServer]:
    """A server that is no endpoint: it answers every post with its ``answer``, a status and a body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = self.server.answer
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def file(tmp_path):
    """Messages in a file: 250, of which the last can't be accepted."""
    lines = [orjson.dumps(message) for message in tracks(249)]
    path = tmp_path / "messages.jsonl"
    path.write_bytes(b"\n".join([*lines, b'{"type": "track", "userId": {}}']))
    return path


def test_messages_are_sent_and_what_became_of_them_is_told(typed, url, file, settings):
    """All messages reach the endpoint, in three requests; sent again, by another process, they are duplicates."""
    result = typed("send", file, "--to", url, "--authorization", SECRET)
    again = ran("send", file, "--to", url, environ={"SPLIT_DEST_AUTHORIZATION": SECRET})

    assert (result.code, result.out, result.err) == (
        0,
        "250 sent: 249 accepted, 0 duplicates, 1 kept as dead letters\n",
        "",
    )
    assert (again.code, again.out) == (0, "250 sent: 0 accepted, 250 duplicates, 0 kept as dead letters\n")
    assert (settings.lane().pending, settings.lane().dead) == (249, 1)


def test_messages_that_can_only_become_dead_letters_are_sent_as_they_are(typed, url, settings):
    """What is hardly JSON goes out byte by byte, so that the endpoint can be tried with it."""
    text = b'[{"type": "track", "userId": "\xff"}, {"type": "track", "userId": NaN}, 7]'

    result = typed("send", "-", "--to", url, "--authorization", SECRET, text=text)

    assert (result.code, result.out) == (0, "3 sent: 0 accepted, 0 duplicates, 3 kept as dead letters\n")
    assert settings.lane().dead == 3


def test_the_refusals_of_the_endpoint_are_told(typed, url, file):
    """A wrong secret and a destination that does not exist: exit code 1, the status and what it answered."""
    wrong = typed("send", file, "--to", url, "--authorization", "kanari-7f3a")
    unknown = typed("send", file, "--to", url + "x", "--authorization", SECRET)
    empty = typed("send", file, "--to", url, "--authorization", "")

    assert [each.code for each in (wrong, unknown, empty)] == [1, 1, 1]
    assert wrong.err == f"Error: {url} answered 401: {REASONS['unauthorized']}\n"
    assert unknown.err == f"Error: {url}x answered 404: {REASONS['unknown_destination']}\n"
    assert "answered 401" in empty.err


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((200, b"<html>hello</html>"), "answered 200, but is no endpoint; nothing may have been accepted"),
        ((200, b'{"success": true}'), "answered 200, but is no endpoint; nothing may have been accepted"),
        ((200, b"[]"), "answered 200, but is no endpoint; nothing may have been accepted"),
        ((404, b"<html>nothing here</html>"), "answered 404: no reason given"),
        ((500, b'["oops"]'), "answered 500: no reason given"),
        ((301, b""), "answered 301: no reason given"),
    ],
)
def test_what_is_no_endpoint_is_told(typed, file, answering, answer, sentence):
    """An address that answers, but not as an endpoint, has accepted nothing: exit code 1."""
    answering.answer = answer
    address = f"http://127.0.0.1:{answering.server_port}/"

    result = typed("send", file, "--to", address, "--authorization", SECRET)

    assert (result.code, result.out, result.err) == (1, "", f"Error: {address} {sentence}\n")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:%d/webhook/web", "http://[::1", "http://:80/", "http://a b"]
)
def test_an_address_that_cant_be_reached_is_told(typed, file, address):
    """Nobody listens, or it is no address: exit code 1, and the address."""
    address = address.replace("%d", str(free_port()))

    result = typed("send", file, "--to", address, "--authorization", SECRET)

    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"Error: {address} can't be reached: ")


@pytest.mark.parametrize("address", ["127.0.0.1:8000/webhook/web", "web", "ftp://127.0.0.1/webhook/web", ""])
def test_what_is_no_address_is_wrong_use(typed, file, address):
    """An address without http:// or https:// is told before anything is read; exit code 2."""
    result = typed("send", file, "--to", address, "--authorization", SECRET)

    assert (result.code, result.out) == (2, "")
    assert "--to must be an address that begins with http:// or https://" in result.err


@pytest.mark.parametrize("secret", ["a\nb", "✓"])
def test_a_secret_that_no_header_holds_is_told_and_not_shown(typed, file, secret):
    """HTTP headers hold neither line breaks nor letters beyond Latin-1."""
    result = typed("send", file, "--to", f"http://127.0.0.1:{free_port()}/", "--authorization", secret)

    assert (result.code, result.out) == (1, "")
    assert result.err == "Error: the secret holds a character that no HTTP header can hold\n"


def test_a_file_that_is_not_json_is_not_sent(typed, url, tmp_path, settings):
    """The whole file is read before anything is posted."""
    (tmp_path / "bad.jsonl").write_bytes(orjson.dumps(tracks(1)[0]) + b"\n{oops}\n")

    result = typed("send", tmp_path / "bad.jsonl", "--to", url, "--authorization", SECRET)

    assert result.code == 1
    assert result.err.startswith(f"Error: {tmp_path}/bad.jsonl:2:2: not JSON: ")
    assert settings.lane().received == 0
