"""The store that a command works with; apart from the options, because not every command needs Redis's client."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import click
import redis

from split_dest.config import fingerprints
from split_dest.config.settings import Redis, Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import deployment
from split_dest.inbox.deployment import Differences
from split_dest.inbox.embedded_socket import ForeignSocket, socket_path
from split_dest.inbox.owners import Left
from split_dest.inbox.store import Store, connect

#: Kind of error -> what Redis did, and what helps (None: to start it); the first kind that fits counts.
_KINDS: tuple[tuple[type[redis.RedisError], str, str | None], ...] = (
    (redis.AuthenticationError, "refused the user name or the password", "Correct them in redis.url."),
    (
        redis.exceptions.NoPermissionError,
        "gives this user no right to that",
        "Use the user `console` of config/acl/users.acl in redis.url, or for an import `web`.",
    ),
    (redis.BusyLoadingError, "is still loading its data", "Try again in a moment."),
    (
        ForeignSocket,
        "is not asked",
        "Others may listen there: give the socket's folder to your account alone (chmod 700), or remove it.",
    ),
    (redis.TimeoutError, "did not answer in time", "Check that it runs and that no firewall is in between."),
    (redis.ConnectionError, "can't be reached", None),
    (redis.RedisError, "answered with an error", "Look at its log."),
)


def store_of(settings: Settings) -> Store:
    """Return the store that the settings name."""
    return Store(connect(settings.redis.url, settings.redis.data_dir), settings.redis.prefix)


def reached_store(settings: Settings) -> Store:
    """Return the store that the settings name, once it has answered.

    Raises:
        click.ClickException: it did not; says which address was tried, and what to do.
    """
    store = store_of(settings)
    try:
        store.now_ms()
    except StoreUnavailable as error:
        raise click.ClickException(unreachable(settings.redis, error)) from error
    return store


def different(store: Store, settings: Settings) -> list[Differences]:
    """Return how the settings of live workers differ from these.

    Raises:
        StoreUnavailable: Redis is away.
    """
    return deployment.others(store, fingerprints.of(settings, deployment.identity(store)))


def warnings(others: Iterable[Differences], unlisted: Mapping[str, Left], prefix: str) -> list[str]:
    """Return the sentences on workers with other settings, and on what nobody delivers."""
    return [
        *(differing(each, prefix) for each in others),
        *(not_in_the_settings(*each) for each in unlisted.items()),
    ]


def unreachable(settings: Redis, error: StoreUnavailable) -> str:
    """Return why Redis can't be used, by the kind of error alone: its text may quote data or a password."""
    what, help_text = _kind(error)
    return f"Redis at {address(settings)} {what}. {help_text or _start(settings)}"


def differing(differences: Differences, prefix: str) -> str:
    """Return a sentence on live workers whose settings are not those of this command."""
    kinds = {
        "only_here": "they do not know {}",
        "only_there": "these settings do not know {}",
        "leads_elsewhere": "with other keys or addresses: {}",
    }
    details = "; ".join(kinds[kind].format(names) for kind, names in differences.named.items())
    return f"workers with other settings are alive at redis.prefix {prefix}: {details}"


def not_in_the_settings(owner: str, left: Left) -> str:
    """Return a sentence on what is left of a destination or source that nobody delivers."""
    waits = f"{left.pending:,} waiting, {left.dead:,} dead"
    as_before = " as what it was" if left.is_moved else ""
    return f"{owner} is not in the settings{as_before}: {waits} (name it again, or `split-dest forget {owner}`)"


def lost(error: StoreUnavailable) -> str:
    """Return why a command that had reached Redis could not end its work there."""
    if error.__cause__ is None:
        return error.detail
    what, help_text = _kind(error)
    return f"Redis {what}. {help_text or 'Is it running, and does redis.url in the settings lead to it?'}"


def _kind(error: StoreUnavailable) -> tuple[str, str | None]:
    return next((what, help_text) for kind, what, help_text in _KINDS if isinstance(error.__cause__, kind))


def address(settings: Redis) -> str:
    """Return where Redis is looked for, without a user's name, a password or options.

    >>> address(Redis(url="redis://web:a-password@10.0.0.7:6379/0?password=b"))
    'redis://10.0.0.7:6379/0'
    """
    if settings.url == "embedded":
        return f"unix://{socket_path(settings.data_dir)}"
    url = urlsplit(settings.url)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def _start(settings: Redis) -> str:
    if settings.url == "embedded":
        return "Start it with `split-dest run`, or correct redis.data_dir."
    return "Start it, or correct redis.url."
