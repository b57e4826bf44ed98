"""The lane ``identities``: map, merge by key, and write each key with one call."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, Outcome, dead
from split_dest.mapping import to_split
from split_dest.mapping.rules import Rules
from split_dest.outlets import split_admin
from split_dest.outlets.split_admin import Account, IdentityScope
from split_dest.segment import message
from split_dest.split.merging import Merged, bulks, merge, runs
from split_dest.split.records import Identity
from workers import split_names
from workers.delivery import LaneDelivery, MessageRecords
from workers.runtime import IDENTITY_CALLS, Runtime

#: What refused each call; None: Split took it.
Results = list[Refused | None]

_UNKNOWN = Refused("traffic_type_unknown", "the settings map an id to one that Split lacks", Remedy.HALVE)


def deliver(delivery: LaneDelivery, entries: Sequence[Entry]) -> None:
    """Deliver claimed messages as identities, and remove those that are to be deleted.

    Raises:
        Refused: Split takes no calls now; what is not settled stays claimed.
        SlotLost: the drain may not go on.
        TurnOver: other lanes should have their turn.
    """
    rules = split_names.rules_with_traffic_types(delivery)
    filtered, messages = delivery.map_messages(entries, partial(_identities, rules))
    delivery.lease.settle(filtered)
    identities = [(entry_id, identity) for entry_id, records in messages for identity in records]
    if identities:
        merged = merge(identities, keep_older=rules.identify.mode == "merge")
        scopes = split_names.identity_scopes(delivery, {each.identity.traffic_type for each in merged})
        _write(delivery, merged, _Admin(delivery.runtime, *scopes), in_bulk=rules.identify.mode == "replace")


def _identities(rules: Rules, entry: Entry) -> MessageRecords[Identity]:
    mapped = to_split(message.restore(entry.text), rules, entry.accepted_ms)
    return MessageRecords(mapped.identities, mapped.dropped, mapped.notes)


def _write(delivery: LaneDelivery, merged: Sequence[Merged], admin: "_Admin", *, in_bulk: bool) -> None:
    tally = _Tally(merged, delivery)
    unplaced = [each for each in merged if each.identity.traffic_type not in admin.scopes]
    delivery.lease.settle(tally.outcomes(unplaced, [_UNKNOWN] * len(unplaced)))
    waits: list[Refused] = []
    placed = [each for each in merged if each.identity.traffic_type in admin.scopes]
    for save, calls in _calls(placed, admin, in_bulk=in_bulk):
        delivery.ensure_may_call()
        results = save(calls)
        waits += [refused for refused in results if refused is not None and refused.remedy is not Remedy.HALVE]
        delivery.lease.settle(tally.outcomes(calls, results), all_well=not waits)
        if any(map(_concerns_all_keys, waits)) or (waits and all(results)) or delivery.turn_is_over:
            break
    if waits:
        raise max(waits, key=lambda refused: refused.wait_seconds or 0)


def _calls(
    merged: Sequence[Merged], admin: "_Admin", *, in_bulk: bool
) -> Iterator[tuple[Callable[[Sequence[Merged]], Results], Sequence[Merged]]]:
    """Yield what goes to Split together: several single calls at once, or one bulk call of a traffic type."""
    single = [each for each in merged if each.identity.values is None or not in_bulk]
    yield from ((admin.save_singly, calls) for calls in runs(single, IDENTITY_CALLS))
    rest = [each for each in merged if each.identity.values is not None and in_bulk]
    yield from ((admin.save_in_bulk, calls) for calls in bulks(rest, split_admin.BULK_MAX))


@dataclass(frozen=True, slots=True)
class _Admin:
    """Split's Admin API, and where in it the identities of each traffic type are."""

    runtime: Runtime
    account: Account
    scopes: Mapping[str, IdentityScope]

    def save_singly(self, calls: Sequence[Merged]) -> Results:
        """Write or remove each by its own call, all at once."""
        return list(self.runtime.pool.map(self._save, calls))

    def _save(self, each: Merged) -> Refused | None:
        scope = self.scopes[each.identity.traffic_type]
        try:
            if each.identity.values is None:
                split_admin.delete_identity(self.runtime.http, self.account, scope, each.identity)
            elif each.replaces:
                split_admin.replace_identity(self.runtime.http, self.account, scope, each.identity)
            else:
                split_admin.merge_identity(self.runtime.http, self.account, scope, each.identity)
        except Refused as refused:
            return refused
        return None

    def save_in_bulk(self, calls: Sequence[Merged]) -> Results:
        """Replace all of one traffic type with one call."""
        identities = [each.identity for each in calls]
        scope = self.scopes[identities[0].traffic_type]
        try:
            failed = split_admin.replace_identities(self.runtime.http, self.account, scope, identities)
        except Refused as refused:
            if refused.remedy is not Remedy.HALVE or len(calls) == 1:
                return [refused] * len(calls)
            middle = len(calls) // 2
            return self.save_in_bulk(calls[:middle]) + self.save_in_bulk(calls[middle:])
        return [failed.get(identity.key) for identity in identities]


class _Tally:
    """Which identities of each message are still open; a message is settled when none is."""

    def __init__(self, merged: Sequence[Merged], delivery: LaneDelivery) -> None:
        self._delivery = delivery
        self._open = Counter(entry_id for each in merged for entry_id in each.entry_ids)
        self._refused: dict[str, Refused] = {}

    def outcomes(self, calls: Sequence[Merged], results: Results) -> list[Outcome]:
        """Note what became of the calls; return the outcomes of the messages that this finishes."""
        finished = []
        for each, refused in zip(calls, results, strict=True):
            if refused is not None and refused.remedy is not Remedy.HALVE:
                continue
            for entry_id in each.entry_ids:
                if refused is not None:
                    self._refused[entry_id] = refused
                self._open[entry_id] -= 1
                if not self._open[entry_id]:
                    finished.append(self._outcome(entry_id))
        return finished

    def _outcome(self, entry_id: str) -> Outcome:
        refused = self._refused.get(entry_id)
        return dead(entry_id, refused.code, refused.detail) if refused else self._delivery.delivered(entry_id)


def _concerns_all_keys(refused: Refused) -> bool:
    """Return whether every other key would be refused as well; a 5xx may be one key's trouble."""
    return refused.remedy is Remedy.FIX or refused.wait_seconds is not None or refused.code == "rate_limited"
