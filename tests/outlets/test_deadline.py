"""A call ends if the whole answer has not come in time."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from split_dest.errors import Refused
from split_dest.outlets.http import HttpClient, Request

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


@contextmanager
def dripping(start: bytes, context: ssl.SSLContext | None) -> Iterator[int]:
    """Serve one call an answer that continues with a byte each tenth of a second; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_drip, args=(server, start, context))
        thread.start()
        yield server.getsockname()[1]
        thread.join(60)


def _drip(server: socket.socket, start: bytes, context: ssl.SSLContext | None) -> None:
    peer, _ = server.accept()
    with suppress(OSError), context.wrap_socket(peer, server_side=True) if context else peer as connection:
        connection.recv(65536)
        connection.sendall(start)
        for _ in range(400):
            connection.sendall(b"x")
            time.sleep(0.1)


def ask(url: str) -> str:
    """Return the reason code with which a call is refused."""
    with pytest.raises(Refused) as refused:
        HttpClient(1).send(Request("POST", url, {}, b"[]", "/events/bulk"))
    return refused.value.code


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nX-Long: ", _HEAD], ids=["headers", "body"])
def test_an_answer_that_drips_is_a_timeout(start: bytes) -> None:
    """Single bytes keep no call alive beyond its timeout."""
    started = time.monotonic()

    with dripping(start, None) as port:
        assert ask(f"http://127.0.0.1:{port}") == "upstream_timeout"

    assert time.monotonic() - started < 20


def test_of_a_refusal_that_drips_all_counts_that_has_come() -> None:
    """Its words and its status are known, whether or not it ends in time."""
    refusal = b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\nno such key: "

    with dripping(refusal, None) as port, pytest.raises(Refused) as refused:
        HttpClient(1).send(Request("POST", f"http://127.0.0.1:{port}", {}, b"[]", "/events/bulk"))

    assert refused.value.code == "key_refused"
    assert refused.value.words.startswith("no such key: xx")


def test_the_same_holds_under_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is verified, and an answer that drips ends at the timeout."""
    name = tmp_path / "certificate"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost"
    files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{name}.pem", f"{name}.key")

    with dripping(_HEAD, context) as port:
        assert ask(f"https://localhost:{port}") == "upstream_unreachable"
    monkeypatch.setenv("SSL_CERT_FILE", f"{name}.pem")
    with dripping(_HEAD, context) as port:
        assert ask(f"https://localhost:{port}") == "upstream_timeout"
