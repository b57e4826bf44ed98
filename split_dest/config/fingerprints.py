"""Digests of where destinations and sources lead, by which processes notice that others have other settings."""

import hashlib

from split_dest.config.settings import Secret, Settings


def of(settings: Settings, salt: str) -> dict[str, str]:
    """Return for each destination and source a digest of the accounts that its messages go to, and of their keys.

    Args:
        settings: of this process.
        salt: the deployment's id, so that nobody can look up the digest of a known key.
    """
    digests = {}
    for name, destination in settings.destinations.items():
        split = destination.split
        account = settings.split.events_url, settings.split.admin_url, split.workspace_id, split.environment
        digests[name] = _digest(salt, *account, split.sdk_key)
    for name, source in settings.sources.items():
        digests[name] = _digest(salt, settings.segment.url, source.write_key)
    return digests


def _digest(salt: str, *parts: str | Secret | None) -> str:
    texts = (part.reveal() if isinstance(part, Secret) else part or "" for part in parts)
    # One that somebody else wrote may be longer than a key can be.
    key = salt.encode()[: hashlib.blake2b.MAX_KEY_SIZE]
    return hashlib.blake2b("\0".join(texts).encode(), key=key, digest_size=6).hexdigest()
