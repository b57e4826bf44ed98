"""The lane ``identities``: map, merge by key, and write each key with one call."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, Outcome, dead, delivered, filtered
from split_dest.mapping import to_split
from split_dest.outlets import split_admin
from split_dest.outlets.split_admin import Account, Place
from split_dest.segment import message
from split_dest.split.merging import Merged, merge
from split_dest.split.records import Identity
from workers import split_names
from workers.delivery import Delivery
from workers.runtime import IDENTITY_CALLS

Places = Mapping[str, Place]

_UNKNOWN = Refused("traffic_type_unknown", "the settings map an id to one that Split lacks", Remedy.HALVE)


def deliver(delivery: Delivery, entries: Sequence[Entry]) -> None:
    """Delivers claimed messages as identities.

    Raises:
        Refused: Split takes no calls now; what is not settled stays claimed.
        SlotLost: the drain may not go on.
    """
    kept_out: list[Outcome] = []
    identities: list[tuple[str, Identity]] = []
    for entry in entries:
        mapped = to_split(message.restore(entry.text), delivery.rules, entry.accepted_ms)
        identities += [(entry.id, identity) for identity in mapped.identities]
        kept_out += [filtered(entry.id, mapped.dropped)] if mapped.dropped else []
    delivery.hold.vouch(entries)
    delivery.hold.settle(kept_out)
    if identities:
        _write(delivery, merge(identities, keep_older=delivery.rules.identify.mode == "merge"))


def _write(delivery: Delivery, merged: Sequence[Merged]) -> None:
    tally = _Tally(merged)
    wanted = {each.identity.traffic_type for each in merged}
    places = split_names.places(delivery.destination, delivery.hold.destination, wanted, delivery.runtime)
    nowhere = [each for each in merged if each.identity.traffic_type not in places]
    delivery.hold.settle(tally.outcomes(nowhere, [_UNKNOWN] * len(nowhere)))
    waits: list[Refused] = []
    for calls in _calls([each for each in merged if each.identity.traffic_type in places], delivery):
        delivery.before_call()
        results = _SAVE[delivery.rules.identify.mode](delivery, places, calls)
        waits += [refused for refused in results if refused is not None and refused.remedy is not Remedy.HALVE]
        delivery.hold.settle(tally.outcomes(calls, results), all_well=not waits)
        if any(map(_speaks_for_all, waits)) or all(results):
            break
    if waits:
        raise max(waits, key=lambda refused: refused.wait_seconds or 0)


def _calls(merged: Sequence[Merged], delivery: Delivery) -> Iterator[Sequence[Merged]]:
    """Gives what goes to Split together: several single calls at once, or one bulk call of a traffic type."""
    if delivery.rules.identify.mode == "merge":
        yield from _runs(merged, IDENTITY_CALLS)
        return
    in_order = sorted(merged, key=lambda each: each.identity.traffic_type)
    for _, group in groupby(in_order, key=lambda each: each.identity.traffic_type):
        yield from _runs(list(group), split_admin.BULK_MAX)


def _runs(items: Sequence[Merged], most: int) -> Iterator[Sequence[Merged]]:
    for start in range(0, len(items), most):
        yield items[start : start + most]


def _save_singly(delivery: Delivery, places: Places, calls: Sequence[Merged]) -> list[Refused | None]:
    runtime, account = delivery.runtime, _account(delivery)

    def save(each: Merged) -> Refused | None:
        try:
            split_admin.merge_identity(runtime.http, account, places[each.identity.traffic_type], each.identity)
        except Refused as refused:
            return refused
        return None

    return list(runtime.pool.map(save, calls))


def _save_in_bulk(delivery: Delivery, places: Places, calls: Sequence[Merged]) -> list[Refused | None]:
    identities = [each.identity for each in calls]
    place = places[identities[0].traffic_type]
    try:
        failed = split_admin.replace_identities(delivery.runtime.http, _account(delivery), place, identities)
    except Refused as refused:
        if refused.remedy is not Remedy.HALVE or len(calls) == 1:
            return [refused] * len(calls)
        middle = len(calls) // 2
        halves = calls[:middle], calls[middle:]
        return [result for half in halves for result in _save_in_bulk(delivery, places, half)]
    return [failed.get(identity.key) for identity in identities]


_SAVE = {"merge": _save_singly, "replace": _save_in_bulk}


def _account(delivery: Delivery) -> Account:
    account = split_names.account(delivery.destination, delivery.runtime)
    if account is None:
        raise Refused("key_refused", "the settings name no admin_key or workspace_id", Remedy.MEND)
    return account


class _Tally:
    """Which identities of each message are still open; a message is settled when none is."""

    def __init__(self, merged: Sequence[Merged]) -> None:
        self._open = Counter(entry_id for each in merged for entry_id in each.entry_ids)
        self._refused: dict[str, Refused] = {}

    def outcomes(self, calls: Sequence[Merged], results: Sequence[Refused | None]) -> list[Outcome]:
        """Notes what became of the calls; gives the outcomes of the messages that this finishes."""
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
        return dead(entry_id, refused.code, refused.detail) if refused else delivered(entry_id)


def _speaks_for_all(refused: Refused) -> bool:
    """True for a refusal that every other key would meet as well; a 5xx may be one key's trouble."""
    return refused.remedy is Remedy.MEND or refused.wait_seconds is not None or refused.code == "rate_limited"
