"""What is wrong with an address of the settings, judged whole: what is appended to it must stay its path.

Faults are told without the address, which may hold a password.
"""

import ipaddress
import re
from contextlib import suppress

_HTTP = re.compile(r"https?://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
_REDIS = re.compile(
    r"(redis|rediss|redis\+sentinel)://(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL
)
_SOCKET = re.compile(r"unix://(?:[^/?#\[\]]*@)?/[^?#]+(?:\?[^#]*)?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_IN_AN_ADDRESS = re.compile(r"[^\x21-\x7e]")
#: RFC 3986, 3.3.
_PATH = re.compile(r"(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?")
#: Underscores are in names of containers.
_HOST = re.compile(r"(?=.{1,254}$)(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*\.?", re.ASCII)
_NUMBERS = re.compile(r"[0-9.]+")
_DATABASE = re.compile(r"/?|/[0-9]{1,5}/?")
_SERVICE = re.compile(r"/[^/]+(?:/[0-9]{1,5})?/?")
_PORT_MAX = 65_535
_ODD = "a blank, a control character or one beyond ASCII is in it (write a host's other letters as xn--…)"
_UNENCODED = "/ ? # [ ] and @ in a password must be percent-encoded"


def http_fault(address: str) -> str:
    """Return what is wrong with the address of an API; empty: nothing.

    >>> http_fault("https://events.split.io/api#eu")
    'what follows a # is never sent'
    """
    found = _HTTP.fullmatch(address)
    if not found:
        return "it must begin with https:// or http://"
    authority, path, query, fragment = found.groups()
    if _NOT_IN_AN_ADDRESS.search(address):
        return _ODD
    if "@" in authority:
        return "a user name or password has no place in it"
    if fragment is not None:
        return "what follows a # is never sent"
    if query is not None:
        return "a query has no place in it, because paths are appended"
    if not _PATH.fullmatch(path):
        return "a character of its path must be percent-encoded"
    return _host_fault(authority)


def redis_fault(address: str) -> str:
    """Return what is wrong with the address of a Redis, of any scheme but ``embedded``; empty: nothing."""
    if address.startswith("unix:"):
        if _CONTROL.search(address):
            return "a control character is in it"
        return (
            ""
            if _SOCKET.fullmatch(address)
            else "after unix:// comes the socket's whole path: unix:///run/redis.sock"
        )
    found = _REDIS.fullmatch(address)
    if not found or _NOT_IN_AN_ADDRESS.search(address):
        return _ODD
    scheme, user, hosts, path, query, fragment = found.groups()
    if fragment is not None or "@" in path or {*"[]"} & {*(user or "")}:
        return _UNENCODED
    if scheme == "redis+sentinel":
        return _sentinel_fault(hosts, path, query)
    if not _DATABASE.fullmatch(path):
        return "after the host comes the number of a database: redis://host:6379/0"
    return _host_fault(hosts)


def _sentinel_fault(hosts: str, path: str, query: str | None) -> str:
    each = [_AUTHORITY.fullmatch(host) for host in hosts.split(",")]
    if not _SERVICE.fullmatch(path) or query is not None or not all(found and found[2] for found in each):
        return "write redis+sentinel://host:port,…/service/0"
    return next(filter(None, map(_host_fault, hosts.split(","))), "")


def _host_fault(authority: str) -> str:
    """Return what is wrong with a host and its port, if it has one."""
    found = _AUTHORITY.fullmatch(authority)
    if not found or not found[1]:
        return "its host is missing"
    host, port = found.groups()
    if not _is_host(host):
        return "its host is none"
    is_port = port is None or (port.isdigit() and 0 < int(port[:6]) <= _PORT_MAX)
    return "" if is_port else "its port must be a number from 1 to 65535"


def _is_host(host: str) -> bool:
    with suppress(ValueError):
        if host.startswith("[") and "%" not in host:
            return bool(ipaddress.IPv6Address(host[1:-1]))
        return bool(ipaddress.IPv4Address(host) if _NUMBERS.fullmatch(host) else _HOST.fullmatch(host))
    return False
