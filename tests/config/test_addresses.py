"""Addresses are judged whole: nothing in one may end up elsewhere than it says."""

from urllib.parse import urlsplit

import pytest
import redis
from hypothesis import example, given
from hypothesis import strategies as st

from split_dest.config.addresses import http_fault, redis_fault
from tests.config.conftest import DESTINATION

#: Every address of the settings but that of Redis.
DOCUMENT = (
    DESTINATION
    + """split: {events_url: "${ADDRESS}", admin_url: "${ADDRESS}"}
segment: {url: "${ADDRESS}"}
"""
)
ODD = "a blank, a control character or one beyond ASCII is in it (write a host's other letters as xn--…)"
FAULTS = {
    "http://events split.io/api": ODD,
    "http://events.split.io/a pi": ODD,
    " http://events.split.io": "it must begin with https:// or http://",
    "http://events.split.io/api ": ODD,
    "http://events.split.io\r\nX-Header: 1": ODD,
    "http://events.split.io/api\r\n": ODD,
    "http://events.split.io/\tapi": ODD,
    "http://events.split.io/\x7f": ODD,
    "http://events.split.io/\x9b": ODD,
    "http://évents.split.io": ODD,
    "http://events.split.io/\u202e": ODD,
    "http://events.split.io/api#": "what follows a # is never sent",
    "http://events.split.io/api#eu": "what follows a # is never sent",
    "http://events.split.io#eu": "what follows a # is never sent",
    "http://events.split.io/api?region=eu": "a query has no place in it, because paths are appended",
    "http://events.split.io?": "a query has no place in it, because paths are appended",
    "http://user@events.split.io/api": "a user name or password has no place in it",
    "http://user:pw@events.split.io/api": "a user name or password has no place in it",
    "http://events.split.io:0/api": "its port must be a number from 1 to 65535",
    "http://events.split.io:65536": "its port must be a number from 1 to 65535",
    "http://events.split.io:99999999999999999999": "its port must be a number from 1 to 65535",
    "http://events.split.io:": "its port must be a number from 1 to 65535",
    "http://events.split.io:+80": "its port must be a number from 1 to 65535",
    "http://events.split.io:http": "its port must be a number from 1 to 65535",
    "http://": "it must begin with https:// or http://",
    "http:///api": "its host is missing",
    "http://:80/api": "its host is missing",
    "http://[::1": "its host is missing",
    "http://[]": "its host is none",
    "http://[1.2.3.4]": "its host is none",
    "http://[::1%eth0]": "its host is none",
    "http://1.2.3": "its host is none",
    "http://256.1.1.1": "its host is none",
    "http://events..split.io": "its host is none",
    "http://-events.split.io": "its host is none",
    "http://events.split.io-": "its host is none",
    "http://events,split.io": "its host is none",
    "http://events;split.io": "its host is none",
    "http://" + "a" * 64 + ".io": "its host is none",
    "http://" + "a." * 127 + "io": "its host is none",
    "http://events.split.io\\api": "its host is none",
    "http://events.split.io/a\\pi": "a character of its path must be percent-encoded",
    "http://events.split.io/100%": "a character of its path must be percent-encoded",
    "http://events.split.io/<api>": "a character of its path must be percent-encoded",
    "events.split.io/api": "it must begin with https:// or http://",
    "ftp://events.split.io": "it must begin with https:// or http://",
    "http:/events.split.io": "it must begin with https:// or http://",
}
GOOD = [
    "https://events.split.io/api",
    "http://localhost:8100",
    "http://split_sandbox:8100/a/b-c_d.e~f",
    "http://127.0.0.1:65535/api",
    "https://[2001:db8::1]:8443/api%20v2",
    "https://xn--bcher-kva.example./api",
    "HTTPS://Events.Split.io/API",
]
REDIS_FAULTS = {
    "redis://my host:6379/0": ODD,
    "redis://host:6379/0\r\n": ODD,
    "redis://höst:6379/0": ODD,
    "redis://host:6379/0#1": "/ ? # [ ] and @ in a password must be percent-encoded",
    "redis://:pa/ss@host:6379/0": "/ ? # [ ] and @ in a password must be percent-encoded",
    "redis://:pa[ss@host:6379/0": "/ ? # [ ] and @ in a password must be percent-encoded",
    "redis://": "its host is missing",
    "redis://:6379/0": "its host is missing",
    "redis://host:0/0": "its port must be a number from 1 to 65535",
    "redis://host:70000/0": "its port must be a number from 1 to 65535",
    "redis://host:port": "its port must be a number from 1 to 65535",
    "redis://[::1": "its host is missing",
    "redis://host,other": "its host is none",
    "rediss://host:6380/zero": "after the host comes the number of a database: redis://host:6379/0",
    "redis://host:6379/0/1": "after the host comes the number of a database: redis://host:6379/0",
    "redis://host?databas=2": "it has an option that is none, or is unreadable",
    "redis://host?db=two": "it has an option that is none, or is unreadable",
    "unix://run/redis.sock": "after unix:// comes the socket's whole path: unix:///run/redis.sock",
    "unix://": "after unix:// comes the socket's whole path: unix:///run/redis.sock",
    "unix:///": "after unix:// comes the socket's whole path: unix:///run/redis.sock",
    "unix:///run/redis.sock#1": "after unix:// comes the socket's whole path: unix:///run/redis.sock",
    "unix:///run/redis\n.sock": "a control character is in it",
    "redis+sentinel://one/service": "write redis+sentinel://host:port,…/service/0",
    "redis+sentinel://one:26379": "write redis+sentinel://host:port,…/service/0",
    "redis+sentinel://one:26379/": "write redis+sentinel://host:port,…/service/0",
    "redis+sentinel://one:26379/service/main": "write redis+sentinel://host:port,…/service/0",
    "redis+sentinel://one:26379/service?db=1": "write redis+sentinel://host:port,…/service/0",
    "redis+sentinel://one:26379/service#1": "/ ? # [ ] and @ in a password must be percent-encoded",
    "redis+sentinel://one:26379,two/service": "write redis+sentinel://host:port,…/service/0",
    "redis+sentinel://one:26379,two:99999/service": "its port must be a number from 1 to 65535",
    "redis+sentinel://one:26379,t wo:26379/service": ODD,
    "redis+sentinel://one:26379,:26379/service": "its host is missing",
    "redis+sentinel://one:26379,,two:26379/service": "write redis+sentinel://host:port,…/service/0",
}


@pytest.mark.parametrize(("address", "fault"), FAULTS.items())
def test_what_is_wrong_with_an_address_is_told_with_its_place(problems, address, fault):
    """For every address of the settings: line, column, what, and what to write instead."""
    result = problems(DOCUMENT, ADDRESS=address)

    sentence = f"must be an address such as https://events.split.io/api: {fault}"
    assert result == [
        f"5:21: split.events_url: {sentence}",
        f"5:46: split.admin_url: {sentence}",
        f"6:16: segment.url: {sentence}",
    ]


@pytest.mark.parametrize("address", GOOD)
def test_a_good_address_is_one(loaded, address):
    """And stays as it is."""
    assert loaded(f'{DESTINATION}split: {{events_url: "{address}"}}\n').split.events_url == address


@pytest.mark.parametrize(("address", "fault"), REDIS_FAULTS.items())
def test_what_is_wrong_with_a_redis_address_is_told(problems, address, fault):
    """Of each kind, and never with the address itself."""
    result = problems(DESTINATION + 'redis: {url: "${ADDRESS}"}\n', ADDRESS=address)

    assert result == [f"5:14: redis.url: is not a Redis address: {fault}"]


@pytest.mark.parametrize(
    "address",
    [
        "redis://host",
        "redis://user:p%40ss@host:6379/15",
        "rediss://:p@ss@redis.example.com:6380/",
        "redis://[::1]:6379/0?socket_timeout=1",
        "unix:///var/my folder/redis.sock?db=1",
        "unix://:pw@/run/redis.sock",
        "redis+sentinel://user:pw@one:26379,10.0.0.2:26380/main/2",
    ],
)
def test_a_good_redis_address_is_one(address):
    """Also with a user, a password, options, or a blank in a socket's path."""
    assert redis_fault(address) == ""


@given(rest=st.text(alphabet="a1.:/@#?[]%;=&\\ \r\n\té-", max_size=20))
@example(rest="a/%31")
def test_a_good_address_means_the_same_to_everyone(rest):
    """What is appended becomes the end of the path, and nothing else of the address changes."""
    address = f"http://{rest}"
    if not http_fault(address):
        parsed = urlsplit(f"{address}/events/bulk")
        assert parsed.path.endswith("/events/bulk")
        assert (parsed.query, parsed.fragment, parsed.username) == ("", "", None)
        assert f"http://{parsed.netloc}{parsed.path}" == f"{address}/events/bulk"


@given(
    scheme=st.sampled_from(["redis://", "rediss://", "unix://"]),
    rest=st.text(alphabet="a1:/@#?[]%;=&", max_size=12),
)
def test_redis_py_reads_what_is_good(scheme, rest):
    """Without options it is not asked, so it must have no objection."""
    address = scheme + rest
    if "?" not in address and not redis_fault(address):
        connection = redis.ConnectionPool.from_url(address).make_connection()
        assert (connection.path if scheme == "unix://" else connection.host) not in (None, "")
