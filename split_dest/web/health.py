"""Endpoints for probes and tools: health, version, metrics, and the OpenAPI document."""

import math
import time
from pathlib import Path

import gevent
from flask import Blueprint, Response, jsonify
from gevent.lock import BoundedSemaphore
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from split_dest import __version__
from split_dest.config.settings import Settings
from split_dest.inbox import intake, ledger
from split_dest.inbox.intake import HighWater
from split_dest.inbox.ledger import Ledger
from split_dest.inbox.store import Store
from split_dest.web.metrics import LedgerCollector

_SCRAPE_SECONDS = 1.0
#: The same for all settings, so it reveals nothing of them.
OPENAPI = Path(__file__).with_name("openapi.yaml")


def blueprint(settings: Settings, store: Store, high_water: HighWater) -> Blueprint:
    """Return ``/livez``, ``/readyz``, ``/version``, ``/metrics`` and ``/openapi.yaml``."""
    pages, scrape = Blueprint("health", __name__), _Scrape(settings, store)

    @pages.get("/livez")
    def livez() -> Response:
        return jsonify(status="alive")

    @pages.get("/readyz")
    def readyz() -> Response:
        intake.check_writable(store)
        high_water.check()
        return jsonify(status="ready")

    @pages.get("/version")
    def version() -> Response:
        return jsonify(version=__version__)

    @pages.get("/metrics")
    def metrics() -> Response:
        return Response(scrape.text(), content_type=CONTENT_TYPE_PLAIN_0_0_4)

    document = OPENAPI.read_bytes()
    pages.add_url_rule("/openapi.yaml", "openapi", lambda: Response(document, content_type="application/yaml"))
    return pages


class _Scrape:
    """The metrics, read from Redis once a second at most, however many ask."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._one = BoundedSemaphore()
        self._text = b""
        self._read = -math.inf

    def text(self) -> bytes:
        """Return the metrics.

        Raises:
            StoreUnavailable: Redis is away.
        """
        with self._one:
            if time.monotonic() - self._read > _SCRAPE_SECONDS:
                taken = ledger.read(self._store, self._settings.destinations, self._settings.sources)
                self._text, self._read = _numbers(taken), time.monotonic()
            return self._text


def _numbers(read: Ledger) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerCollector(read))
    # In a thread: 1,000 destinations take half a second, and anybody can ask.
    text: bytes = gevent.get_hub().threadpool.apply(generate_latest, (registry,))
    return text
