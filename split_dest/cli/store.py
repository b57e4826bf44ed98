"""The store that a command works with; apart from the options, for not every command needs Redis's client."""

from split_dest.config.settings import Settings
from split_dest.inbox.store import Store, connect


def store_of(settings: Settings) -> Store:
    """Gives the store that the settings name."""
    return Store(connect(settings.redis.url, settings.redis.data_dir))
