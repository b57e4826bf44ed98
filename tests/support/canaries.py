"""Canaries: secrets and an address that must be found nowhere, and the messages that carry them."""

import base64
import gzip
import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson

MARK = "kanari7f3a9"
EMAIL = f"{MARK}@example.com"
SECRETS = {
    name: f"{MARK}-{name.lower().replace('_', '-')}"
    for name in ("REDIS", "SECRET", "SIGNATURE", "WRITE_KEY", "SDK_KEY", "ADMIN_KEY", "TOKEN", "SEGMENT_KEY")
}
#: The mark as it is, and within base64, wherever in the text it begins.
_BASE64 = [base64.b64encode(b"x" * shift + MARK.encode())[4 if shift else 0 : -4] for shift in range(3)]
FORMS = (MARK.encode(), *_BASE64)

SETTINGS = """
redis: {{url: "unix://:${{REDIS}}@{socket}"}}
split: {{events_url: "{mirror}/api", admin_url: "{mirror}/admin"}}
segment: {{url: "{mirror}/v1"}}
delivery: {{timeout_seconds: 2, batch_max_events: 500}}
destinations:
  web:
    authorization: ["${{SECRET}}"]
    write_keys: ["${{WRITE_KEY}}"]
    split: &split
      sdk_key: ${{SDK_KEY}}
      admin_key: ${{ADMIN_KEY}}
      workspace_id: ws-1
      environment: Production
  signed: {{authorization: ["${{SECRET}}"], signature_secrets: ["${{SIGNATURE}}"], split: *split}}
sources:
  flags:
    tokens: ["${{TOKEN}}"]
    write_key: ${{SEGMENT_KEY}}
    split: {{admin_key: "${{ADMIN_KEY}}", workspace_id: ws-1}}
    map_traffic_types: {{user: userId}}
    flag_traffic_types: {{flag: user}}
"""


def found_in(text: str | bytes) -> bytes:
    """Return the first canary in a text with what stands around it; nothing: there is none."""
    given = text if isinstance(text, bytes) else text.encode()
    places = [given.lower().find(MARK.encode()), *(given.find(form) for form in FORMS)]
    at = max(places)
    return b"" if at < 0 else given[max(0, at - 200) : at + 100]


def secrets_in(text: str | bytes) -> bytes:
    """Return a secret in a text that may hold the address, plain or in base64; nothing: there is none."""
    given = (text if isinstance(text, bytes) else text.encode()).lower()
    plain = (value.encode() for value in SECRETS.values())
    in_base64 = (_basic(f"{value}:").encode().lower() for value in SECRETS.values())
    return b" ".join(form for form in (*plain, *in_base64) if form in given)


def messages(count: int) -> Iterator[list[dict[str, Any]]]:
    """Yield this many messages in batches, good ones and bad ones by turns, with the address in every place."""
    numbers = iter(range(count))
    while batch := [_message(n) for n in itertools.islice(numbers, 1000)]:
        yield batch


def _message(number: int) -> dict[str, Any]:
    mail = f"{number}.{EMAIL}"
    good = {
        "type": "identify" if number % 50 == 0 else "track",
        "messageId": f"m-{mail}",
        "userId": mail,
        "event": f"Bought {EMAIL}",
        "properties": {"email": mail, EMAIL: [mail]},
        "traits": {"email": mail, EMAIL: mail},
        "context": {"traits": {"email": mail}, "ip": mail},
    }
    bad: tuple[dict[str, Any], ...] = (
        {"userId": [mail]},
        {"event": {"name": mail}},
        {"type": mail},
        {"properties": mail},
        {"timestamp": mail},
        {"properties": {"big": mail * 2000}},
        {"properties": {"split": {EMAIL: mail}}},
    )
    return good | (bad[number // 10 % len(bad)] if number % 10 == 0 else {})


def impressions(count: int) -> list[dict[str, Any]]:
    """Return this many impressions of users whose key is the address; every tenth is none."""
    return [
        {
            "key": f"{n}.{EMAIL}" if n % 10 else [EMAIL],
            "split": "flag",
            "treatment": EMAIL,
            "time": 1_760_000_000_000 + n,
            "label": EMAIL,
            "environmentName": EMAIL,
        }
        for n in range(count)
    ]


def refused_requests() -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    """Yield requests that the endpoint refuses, as method, path, body and headers."""
    wrong = f"{MARK}-wrong"
    good = {"Authorization": SECRETS["SECRET"]}
    body = orjson.dumps(_message(1))
    for shown in (wrong, f"Bearer {wrong}", f"Basic {_basic(wrong + ':')}", f"Basic {wrong}", f"{MARK}\xe9", ""):
        yield "POST", "/webhook/web", body, {"Authorization": shown}
        yield "POST", "/v1/batch", body, {"Authorization": shown}
        yield "POST", f"/impressions/flags?token={quote(shown)}", body, {"Authorization": shown}
    yield "POST", f"/impressions/flags/{wrong}", body, {}
    yield "POST", "/webhook/signed", body, {**good, "X-Signature": wrong}
    for broken in (b'{"email": "' + EMAIL.encode(), b"\x1f\x8b" + EMAIL.encode(), EMAIL.encode(), body[:-1]):
        yield "POST", "/webhook/web", broken, good
        yield "POST", "/v1/track", broken, {"Authorization": f"Basic {_basic(SECRETS['WRITE_KEY'] + ':')}"}
        yield "POST", f"/impressions/flags?token={SECRETS['TOKEN']}", broken, {}
    yield "POST", "/webhook/web", gzip.compress(EMAIL.encode() * 400_000), good
    for path in (f"/{EMAIL}", f"/webhook/{EMAIL}", f"/impressions/{EMAIL}/x", f"/v1/projects/{wrong}/settings"):
        yield "POST", path, body, good
        yield "GET", f"{path}?email={EMAIL}", b"", good
    yield "DELETE", f"/webhook/web?{EMAIL}", b"", good


def pixels(count: int) -> Iterator[str]:
    """Yield pixels' addresses, good and bad."""
    for n in range(count):
        message = _message(n) | {"writeKey": SECRETS["WRITE_KEY"] if n % 3 else f"{MARK}-wrong"}
        data = _basic(
            orjson.dumps({"userId": message["userId"], "event": EMAIL, "writeKey": message["writeKey"]}).decode()
        )
        yield f"/v1/pixel/track?data={quote(data if n % 5 else EMAIL)}"


def no_http() -> Iterator[bytes]:
    """Yield requests that no server can read."""
    head = b"POST /webhook/web HTTP/1.1\r\nHost: x\r\n"
    mark = MARK.encode()
    yield from (
        mark + b"\r\n\r\n",
        b"GET /" + mark + b" HTTP/" + mark + b"\r\n\r\n",
        b"G(" + mark + b" / HTTP/1.1\r\n\r\n",
    )
    yield b"GET /" + mark * 1000 + b" HTTP/1.1\r\n\r\n"
    for header in (b"Content-Length: %s", b"Transfer-Encoding: %s", b"%s(: x", b"%s", b"X: %s\x00", b"Expect: %s"):
        yield head + header % mark + b"\r\n\r\n"
    yield head + b"X: %s\r\n" % (mark * 2000) + b"\r\n"
    yield head + b"".join(b"X-%d: %s\r\n" % (n, mark) for n in range(200)) + b"\r\n"
    secret = SECRETS["SECRET"].encode()
    yield head + b"Authorization: %s\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\nx\r\n" % (secret, mark)


def _basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
