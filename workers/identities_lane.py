"""The lane ``identities``: map, merge by key, and write each key with one call."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, Outcome, dead
from split_dest.mapping import to_split
from split_dest.mapping.rules import Rules
from split_dest.outlets import split_admin
from split_dest.segment import message
from split_dest.split.merging import Merged, bulks, merge, runs
from split_dest.split.records import Identity
from workers import split_names
from workers.delivery import LaneDelivery, MessageRecords
from workers.runtime import IDENTITY_CALLS

#: What refused each call; None: Split took it.
Results = list[Refused | None]
Save = Callable[[Sequence[Merged]], Results]

_NOT_FOUND = 404
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
        admin = _Admin(delivery, {each.identity.traffic_type for each in merged})
        _write(delivery, merged, admin, in_bulk=rules.identify.mode == "replace")


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
        results = admin.confirmed(save, calls)
        waits += [refused for refused in results if refused is not None and refused.remedy is not Remedy.HALVE]
        delivery.lease.settle(tally.outcomes(calls, results), all_well=not waits)
        if any(map(_concerns_all_keys, waits)) or (waits and all(results)) or delivery.turn_is_over:
            break
    if waits:
        raise max(waits, key=lambda refused: refused.wait_seconds or 0)


def _calls(merged: Sequence[Merged], admin: "_Admin", *, in_bulk: bool) -> Iterator[tuple[Save, Sequence[Merged]]]:
    """Yield what goes to Split together: several single calls at once, or one bulk call of a traffic type."""
    single = [each for each in merged if each.identity.values is None or not in_bulk]
    yield from ((admin.save_singly, calls) for calls in runs(single, IDENTITY_CALLS))
    rest = [each for each in merged if each.identity.values is not None and in_bulk]
    groups = bulks(rest, split_admin.BULK_MAX, split_admin.BULK_MAX_CHARS)
    yield from ((admin.save_in_bulk, calls) for calls in groups)


class _Admin:
    """Split's Admin API, and where in it the identities of each traffic type are.

    Raises:
        Refused: as ``split_names.identity_scopes``.
    """

    def __init__(self, delivery: LaneDelivery, traffic_types: set[str]) -> None:
        self.runtime = delivery.runtime
        self._delivery, self._traffic_types = delivery, traffic_types
        self.account, self.scopes = split_names.identity_scopes(delivery, traffic_types)

    def confirmed(self, save: Save, calls: Sequence[Merged]) -> Results:
        """Return the results of *save*, in which no 404 is left that only outdated ids have caused.

        A key that Split does not have, by ids of the last minute, counts as removed.
        """
        results = save(calls)
        missing = [place for place, refused in enumerate(results) if refused and refused.status == _NOT_FOUND]
        if missing:
            repeated = self._again(save, [calls[place] for place in missing], [results[n] for n in missing])
            for place, refused in zip(missing, repeated, strict=True):
                results[place] = refused
        return results

    def _again(self, save: Save, calls: Sequence[Merged], results: Results) -> Results:
        """Return what becomes of calls that were answered with 404, once the ids are confirmed."""
        former, names = self.scopes, split_names
        try:
            _, self.scopes = names.identity_scopes(self._delivery, self._traffic_types, names.ASK_AGAIN_MS)
        except Refused as refused:
            return [refused] * len(calls)
        if self.scopes != former:
            results = save(calls)
        return [
            None if each.identity.values is None and refused and refused.status == _NOT_FOUND else refused
            for each, refused in zip(calls, results, strict=True)
        ]

    def save_singly(self, calls: Sequence[Merged]) -> Results:
        """Write or remove each by its own call, all at once."""
        return list(self.runtime.pool.map(self._save, calls))

    def _save(self, each: Merged) -> Refused | None:
        scope = self.scopes.get(each.identity.traffic_type)
        if scope is None:
            return _UNKNOWN
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
        scope = self.scopes.get(identities[0].traffic_type)
        if scope is None:
            return [_UNKNOWN] * len(calls)
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
        if refused is None:
            return self._delivery.delivered(entry_id)
        return dead(entry_id, refused.code, refused.detail, refused.words)


def _concerns_all_keys(refused: Refused) -> bool:
    """Return whether every other key would be refused as well; a 5xx may be one key's trouble."""
    return refused.remedy is Remedy.FIX or refused.wait_seconds is not None or refused.code == "rate_limited"
