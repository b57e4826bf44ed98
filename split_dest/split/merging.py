"""Merge the identities of one key, so that a batch makes one call per key."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from split_dest.split.records import Identity


@dataclass(frozen=True, slots=True)
class Merged:
    """One key's identity, and the stream ids of the messages that it came from.

    ``replaces``: the key was deleted before, so none of its attributes in Split may stay.
    """

    identity: Identity
    entry_ids: tuple[str, ...]
    replaces: bool = False


def merge(identities: Iterable[tuple[str, Identity]], *, keep_older: bool) -> list[Merged]:
    """Return one identity per traffic type and key.

    Args:
        identities: a message's stream id, and an identity that it became.
        keep_older: True: attributes that only an older identity has stay; False: only the newest counts that has
            any, because one without attributes writes nothing.
            Where both have one, the later timestamp wins, and of equal ones the later in the stream. Identities
            before a deletion no longer count, whatever their timestamps.
    """
    by_key: dict[tuple[str, str], list[tuple[str, Identity]]] = {}
    for entry_id, identity in identities:
        by_key.setdefault((identity.traffic_type, identity.key), []).append((entry_id, identity))
    return [_merged(group, keep_older) for group in by_key.values()]


def _merged(group: list[tuple[str, Identity]], keep_older: bool) -> Merged:
    entry_ids = tuple(dict.fromkeys(entry_id for entry_id, _ in group))
    deletions = [place for place, (_, identity) in enumerate(group) if identity.values is None]
    remaining = [identity for _, identity in group[deletions[-1] + 1 if deletions else 0 :]]
    if not remaining:
        return Merged(group[-1][1], entry_ids)
    in_order = sorted(remaining, key=lambda identity: identity.timestamp_ms)
    newest = in_order[-1]
    if not keep_older:
        in_order = [identity for identity in in_order if identity.values][-1:]
    values: dict[str, str] = {}
    for identity in in_order:
        values.update(identity.values or {})
    merged = Identity(newest.traffic_type, newest.key, values, newest.timestamp_ms)
    return Merged(merged, entry_ids, replaces=bool(deletions))


def bulks(merged: Iterable[Merged], max_size: int, max_chars: int) -> Iterator[Sequence[Merged]]:
    """Yield groups of identities to write that one call may hold: all of one traffic type.

    Args:
        merged: identities with attributes.
        max_size: how many there may be in a group.
        max_chars: how long they may be together; a longer one stands alone.
    """
    group: list[Merged] = []
    chars = 0
    for each in sorted(merged, key=lambda each: each.identity.traffic_type):
        added = _length(each.identity)
        is_other = bool(group) and group[0].identity.traffic_type != each.identity.traffic_type
        if group and (is_other or len(group) == max_size or chars + added > max_chars):
            yield group
            group, chars = [], 0
        group.append(each)
        chars += added
    if group:
        yield group


def _length(identity: Identity) -> int:
    return len(identity.key) + sum(len(name) + len(value) for name, value in (identity.values or {}).items())


def runs(merged: Sequence[Merged], max_size: int) -> Iterator[Sequence[Merged]]:
    """Yield the same identities in slices of up to *max_size*."""
    for start in range(0, len(merged), max_size):
        yield merged[start : start + max_size]
