"""The Flask application: all endpoints and what they share."""

import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, partial
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from split_dest import config, logs
from split_dest.config import fingerprints
from split_dest.config.settings import Redis, Settings
from split_dest.errors import RequestRefused, SettingsError, StoreUnavailable
from split_dest.inbox import deployment, wake
from split_dest.inbox.intake import HighWater
from split_dest.inbox.store import Store, connect
from split_dest.reloadable_settings import ReloadableSettings
from split_dest.terminal import escaped
from split_dest.web import answers, connections, health, impressions, tracking, webhook
from split_dest.web.attempts import Attempts
from split_dest.web.receiver import Receiver
from split_dest.web.refusals import Refusals

#: Segment gives up after four to five seconds; a silent Redis must have turned into a 503 well before that.
_REDIS_SECONDS = 0.8
_SLASHES = re.compile("//+")
#: gunicorn's own exit code when the application can't be loaded.
_CANT_LOAD = 4


def create(settings: Settings | None = None) -> Flask:
    """Return the web application.

    Args:
        settings: None: those of ``reloadable_settings``.
    """
    if settings is None:
        settings = reloadable_settings().settings
    app = Flask("split_dest.web")
    # Werkzeug would redirect, and a sender that follows a redirect turns POST into GET.
    app.url_map.merge_slashes = False
    app.wsgi_app = connections.noting_work(_with_single_slashes(app.wsgi_app))  # type: ignore[method-assign]
    if proxies := config.number("WEB_PROXIES"):
        # Otherwise any sender could claim any address.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0)  # type: ignore[method-assign]
    store = _store_of(settings.redis)
    high_water = HighWater(store, settings.intake.full_at_percent)
    receiver = Receiver(settings, store)
    refusals = app.extensions["refusals"] = _refusals(store)
    count = refusals.counter({*settings.destinations, *settings.sources})
    app.register_blueprint(webhook.blueprint(settings, receiver, high_water))
    app.register_blueprint(tracking.blueprint(settings, receiver, high_water, count))
    app.register_blueprint(impressions.blueprint(settings, receiver, high_water))
    app.register_blueprint(health.blueprint(settings, store, high_water))
    limit = partial(answers.limit, Attempts(), refusals.count_limited, count)
    app.register_error_handler(RequestRefused, limit)
    app.register_error_handler(StoreUnavailable, answers.unavailable)
    app.register_error_handler(HTTPException, partial(answers.http_error, count))
    app.register_error_handler(Exception, answers.fault)
    return app


def _store_of(redis: Redis) -> Store:
    return _store(redis.url, redis.data_dir, redis.prefix)


@cache
def _store(url: str, data_dir: str, prefix: str) -> Store:
    """Return the store. It keeps its connections when the settings are read again."""
    return Store(connect(url, data_dir, timeout_seconds=_REDIS_SECONDS), prefix)


def leave_redis(former: Redis) -> None:
    """Close the connections to a Redis that the settings name no more; nobody else would for as long as we run."""
    store = _store_of(former)
    if store is not _store_of(reloadable_settings().settings.redis):
        store.client.connection_pool.disconnect(inuse_connections=False)


def warn_of_others() -> None:
    """Log how the settings of live supervisors differ from those of this process, if Redis can be asked now."""
    settings = reloadable_settings().settings
    store = _store_of(settings.redis)
    with suppress(StoreUnavailable):
        here = fingerprints.of(settings, deployment.identity(store))
        for differences in deployment.others(store, here):
            logs.warning("deployment_differs", **differences.named)


@cache
def _refusals(store: Store) -> Refusals:
    """Return the counts of refused requests; settings that are read again keep them."""
    return Refusals(store)


def _with_single_slashes(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return an application that reads several slashes in a row as one: the most common typo in a URL."""

    def merged(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if "//" in environ["PATH_INFO"]:
            environ["PATH_INFO"] = _SLASHES.sub("/", environ["PATH_INFO"])
        return application(environ, start_response)

    return merged


@cache
def reloadable_settings() -> ReloadableSettings:
    """Return the settings that the environment names; problems end the process with a clear text.

    gunicorn's master reads them first, so that a process that starts later inherits the last good ones.
    """
    logs.setup()
    try:
        # Refused here, once, and not by each worker process.
        config.number("WEB_PROXIES")
        reloadable = ReloadableSettings(config.load())
    except SettingsError as error:
        print(escaped(str(error), keep="\n"), file=sys.stderr)
        raise SystemExit(_CANT_LOAD) from error
    wake.prepare(reloadable.settings.redis.prefix)
    return reloadable
