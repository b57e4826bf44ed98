"""A stand-in for an app with Expo's Segment module: the same calls, the same bytes on the wire.

The module hands its calls to Segment's native libraries, which can't run here: analytics-ios 4.0 and
analytics-android 4.8.2. Their recorded shapes are the samples sdk-ios-expo-batch and sdk-android-expo-import.
"""

import gzip
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import urllib3

from tests.support.endpoint import basic
from tests.support.samples import SAMPLES


class App:
    """A phone with the app: its queue, who uses it, and a clock that is this many hours slow.

    ``ids`` holds ``anonymousId`` and, once the user is known, ``userId``; ``queue`` what was not yet sent.
    """

    def __init__(self, platform: str, url: str, write_key: str, *, slow_hours: float = 0) -> None:
        self._sample = SAMPLES[{"ios": "sdk-ios-expo-batch", "android": "sdk-android-expo-import"}[platform]]
        self._is_ios = platform == "ios"
        self._url = url
        self._write_key = write_key
        self._slow = timedelta(hours=slow_hours)
        self.queue: list[dict[str, Any]] = []
        self._http = urllib3.PoolManager(retries=False, timeout=10)
        self.reset()

    def identify(self, user_id: str, traits: dict[str, Any] | None = None) -> None:
        """``identify(userId)`` and ``identifyWithTraits(userId, traits)``."""
        self.ids["userId"] = user_id
        self._add("identify", traits=traits or {})

    def track(self, event: str, properties: dict[str, Any] | None = None) -> None:
        """``track(event)`` and ``trackWithProperties(event, properties)``."""
        self._add("track", event=event, properties=properties or {})

    def screen(self, name: str, properties: dict[str, Any] | None = None) -> None:
        """``screen(screenName)`` and ``screenWithProperties(screenName, properties)``: there is no category."""
        self._add("screen", name=name, properties=properties or {})

    def group(self, group_id: str, traits: dict[str, Any] | None = None) -> None:
        """``group(groupId)`` and ``groupWithTraits(groupId, traits)``."""
        self._add("group", groupId=group_id, traits=traits or {})

    def alias(self, new_id: str) -> None:
        """``alias(newId)``, which the module has for Android only."""
        previous = self.ids.get("userId", self.ids["anonymousId"])
        self.ids["userId"] = new_id
        self._add("alias", previousId=previous)

    def reset(self) -> None:
        """Forgets the user: from now on somebody else uses the app."""
        self.ids = {"anonymousId": str(uuid.uuid4()).upper()}

    def flush(self) -> urllib3.BaseHTTPResponse:
        """Send the queue now, as one batch; return the answer."""
        body = {"sentAt": self._now(), "batch": self.queue}
        if self._is_ios:
            body["writeKey"] = self._write_key
        self.queue = []
        packed = gzip.compress(orjson.dumps(body))
        headers = self._sample["headers"] | {"Authorization": basic(self._write_key)}
        headers.pop("Transfer-Encoding", None)
        url = self._url + self._sample["endpoint"]
        if self._is_ios:
            return self._http.request("POST", url, body=packed, headers=headers)
        # Android sends no length: HttpURLConnection.setChunkedStreamingMode(0).
        pieces = iter([packed[start : start + 100] for start in range(0, len(packed), 100)])
        return self._http.request("POST", url, body=pieces, headers=headers, chunked=True)

    def _add(self, kind: str, **fields: Any) -> None:
        shape = self._sample["body"]["batch"][0]
        kept = {name: shape[name] for name in ("channel", "context", "integrations") if name in shape}
        made = {"type": kind, "messageId": str(uuid.uuid4()), "timestamp": self._now()}
        self.queue.append(kept | made | self.ids | fields)

    def _now(self) -> str:
        moment = datetime.now(UTC) - self._slow
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
