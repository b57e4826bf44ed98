"""Split's Events API: bulk calls of impressions, as Split's own SDKs make them."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from split_dest import __version__
from split_dest.outlets.http import USER_AGENT, Request
from split_dest.split.records import Impression


@dataclass(frozen=True, slots=True)
class EncodedImpression:
    """An impression as it is written in a body, below its flag."""

    flag: bytes
    text: bytes

    def __len__(self) -> int:
        """Return the bytes that it takes together with a flag around it."""
        return len(self.flag) + len(self.text) + len(b'{"f":,"i":[]}')


def encode(impression: Impression) -> EncodedImpression:
    """Return an impression as Split reads it."""
    return EncodedImpression(orjson.dumps(impression.flag), orjson.dumps(impression.to_sdk()))


def request(events_url: str, sdk_key: str, impressions: Iterable[EncodedImpression]) -> Request:
    """Return the request that sends encoded impressions, grouped by flag.

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
