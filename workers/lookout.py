"""What the supervisor itself needs Redis for; apart from it, so that its workers start before that is imported."""

from split_dest import logs
from split_dest.config.settings import Settings
from split_dest.errors import StoreUnavailable
from split_dest.inbox import fitness, store
from workers.watch import Watch


def warn_of(inbox: store.Store) -> None:
    """Logs what this Redis lacks to keep what it is given."""
    try:
        for good, text in fitness.findings(inbox):
            if not good:
                logs.error("redis_unfit", detail=text)
    except StoreUnavailable as error:
        logs.warning("redis_unavailable", detail=error.detail)


def watch_of(settings: Settings) -> Watch:
    """Gives the watch over all lanes of the settings, and logs what their Redis lacks."""
    inbox = store.Store(store.connect(settings.redis.url, settings.redis.data_dir))
    warn_of(inbox)
    return Watch(inbox, (*settings.destinations, *settings.sources))
