"""Health and numbers: ``/livez``, ``/readyz``, ``/version``, ``/metrics``."""

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


def blueprint(settings: Settings, store: Store, high_water: HighWater) -> Blueprint:
    """Gives the pages that probes and Prometheus ask for."""
    pages, one_scrape = Blueprint("health", __name__), BoundedSemaphore()

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
        with one_scrape:
            read = ledger.read(store, settings.destinations, settings.sources)
            # In a thread: for a thousand destinations it takes half a second, and anybody can ask for it.
            text = gevent.get_hub().threadpool.apply(_rendered, (read,))
        return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)

    return pages


def _rendered(read: Ledger) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerCollector(read))
    return generate_latest(registry)
