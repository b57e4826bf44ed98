"""The sandbox under gunicorn."""

from ipaddress import ip_address

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from split_dest.sandbox.app import create_app
from split_dest.sandbox.state import Keys

SETTINGS = {
    "worker_class": "gthread",
    "workers": 1,  # the state is in the memory of one process
    "threads": 32,
    "keepalive": 75,
    "graceful_timeout": 2,
    "loglevel": "error",
    "control_socket_disable": True,  # otherwise gunicorn leaves a socket in the user's home directory
}


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, bind: str, keys: Keys) -> None:
        self._bind = bind
        self._keys = keys
        super().__init__()

    def load_config(self) -> None:
        for name, value in {**SETTINGS, "bind": self._bind}.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._keys)


def serve(host: str = "127.0.0.1", port: int = 8100, keys: Keys | None = None) -> None:
    """Run the sandbox until SIGTERM or SIGINT; then the process exits.

    Errors go to stderr; nothing else is written.

    Args:
        host: loopback address to listen on, IPv4 or IPv6; it takes what anybody sends, so no other.
        port: TCP port.
        keys: what callers must show; the defaults of `Keys` when None.

    Raises:
        ValueError: *host* is no loopback address.
        SystemExit: always; with status 1 when the address can't be had.
    """
    if not ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address")
    address = f"[{host}]" if ":" in host else host
    _Server(f"{address}:{port}", keys or Keys()).run()
