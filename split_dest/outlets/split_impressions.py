"""Split's Events API: bulk calls of impressions, as Split's own SDKs make them."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from split_dest import __version__
from split_dest.outlets.http import USER_AGENT, Request
from split_dest.split.records import Impression


@dataclass(frozen=True, slots=True)
class Encoded:
    """An impression as it stands in a body, below its flag."""

    flag: bytes
    text: bytes

    def __len__(self) -> int:
        """Gives the bytes that it takes, with a flag of its own around it."""
        return len(self.flag) + len(self.text) + len(b'{"f":,"i":[]}')


def encode(impression: Impression) -> Encoded:
    """Gives an impression as Split reads it."""
    return Encoded(orjson.dumps(impression.flag), orjson.dumps(impression.to_sdk()))


def request(events_url: str, sdk_key: str, impressions: Iterable[Encoded]) -> Request:
    """Gives the call that sends encoded impressions, together by flag.

    Source:
        python-client, api/impressions.py and api/client.py; javascript-commons, sync/submitters/types.ts.
    """
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {sdk_key}",
        "User-Agent": USER_AGENT,
        "SplitSDKVersion": f"split-dest-{__version__}",
        "SplitSDKImpressionsMode": "DEBUG",
    }
    by_flag: dict[bytes, list[bytes]] = {}
    for impression in impressions:
        by_flag.setdefault(impression.flag, []).append(impression.text)
    groups = (b'{"f":' + flag + b',"i":[' + b",".join(texts) + b"]}" for flag, texts in by_flag.items())
    place = "/testImpressions/bulk"
    return Request("POST", f"{events_url}{place}", headers, b"[" + b",".join(groups) + b"]", place)
