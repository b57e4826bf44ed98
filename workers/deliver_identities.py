"""The lane ``identities``: map, merge by key, and write each key with one call."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, Outcome, dead, filtered
from split_dest.mapping import to_split
from split_dest.outlets import split_admin
from split_dest.outlets.split_admin import Account, Place
from split_dest.segment import message
from split_dest.split.merging import Merged, bulks, merge, runs
from split_dest.split.records import Identity
from workers import split_names
from workers.delivery import Delivery
from workers.runtime import IDENTITY_CALLS, Runtime

Results = list[Refused | None]

_UNKNOWN = Refused("traffic_type_unknown", "the settings map an id to one that Split lacks", Remedy.HALVE)


def deliver(delivery: Delivery, entries: Sequence[Entry]) -> None:
    """Delivers claimed messages as identities, and removes those that are to be deleted.

    Raises:
        Refused: Split takes no calls now; what is not settled stays claimed.
        SlotLost: the drain may not go on.
        TurnOver: other lanes are to have their turn.
    """
    owner, runtime = delivery.hold.owner, delivery.runtime
    destination = runtime.settings.destinations[owner]
    rules = split_names.with_traffic_types(destination, owner, runtime)
    kept_out: list[Outcome] = []
    identities: list[tuple[str, Identity]] = []
    for entry in delivery.mapping(entries):
        mapped = to_split(message.restore(entry.text), rules, entry.accepted_ms)
        identities += [(entry.id, identity) for identity in mapped.identities]
        kept_out += [filtered(entry.id, mapped.dropped, mapped.notes)] if mapped.dropped else []
        if mapped.notes:
            delivery.note(entry.id, mapped.notes)
    delivery.hold.settle(kept_out)
    if identities:
        merged = merge(identities, keep_older=rules.identify.mode == "merge")
        wanted = {each.identity.traffic_type for each in merged}
        places = split_names.places(destination, owner, wanted, runtime)
        admin = _Admin(runtime, split_names.required_account(destination, runtime), places)
        _write(delivery, merged, admin, in_bulk=rules.identify.mode == "replace")


def _write(delivery: Delivery, merged: Sequence[Merged], admin: "_Admin", *, in_bulk: bool) -> None:
    tally = _Tally(merged, delivery)
    nowhere = [each for each in merged if each.identity.traffic_type not in admin.places]
    delivery.hold.settle(tally.outcomes(nowhere, [_UNKNOWN] * len(nowhere)))
    waits: list[Refused] = []
    somewhere = [each for each in merged if each.identity.traffic_type in admin.places]
    for save, calls in _calls(somewhere, admin, in_bulk=in_bulk):
        delivery.before_call()
        results = save(calls)
        waits += [refused for refused in results if refused is not None and refused.remedy is not Remedy.HALVE]
        delivery.hold.settle(tally.outcomes(calls, results), all_well=not waits)
        if any(map(_speaks_for_all, waits)) or (waits and all(results)) or delivery.turn_is_over:
            break
    if waits:
        raise max(waits, key=lambda refused: refused.wait_seconds or 0)


def _calls(
    merged: Sequence[Merged], admin: "_Admin", *, in_bulk: bool
) -> Iterator[tuple[Callable[[Sequence[Merged]], Results], Sequence[Merged]]]:
    """Gives what goes to Split together: several single calls at once, or one bulk call of a traffic type."""
    single = [each for each in merged if each.identity.values is None or not in_bulk]
    yield from ((admin.save_singly, calls) for calls in runs(single, IDENTITY_CALLS))
    rest = [each for each in merged if each.identity.values is not None and in_bulk]
    yield from ((admin.save_in_bulk, calls) for calls in bulks(rest, split_admin.BULK_MAX))


@dataclass(frozen=True, slots=True)
class _Admin:
    """Split's Admin API, and where in it the identities of each traffic type are."""

    runtime: Runtime
    account: Account
    places: Mapping[str, Place]

    def save_singly(self, calls: Sequence[Merged]) -> Results:
        """Writes or removes each by a call of its own, all at once; gives what refused each."""
        return list(self.runtime.pool.map(self._save, calls))

    def _save(self, each: Merged) -> Refused | None:
        place = self.places[each.identity.traffic_type]
        try:
            if each.identity.values is None:
                split_admin.delete_identity(self.runtime.http, self.account, place, each.identity)
            elif each.replaces:
                split_admin.replace_identity(self.runtime.http, self.account, place, each.identity)
            else:
                split_admin.merge_identity(self.runtime.http, self.account, place, each.identity)
        except Refused as refused:
            return refused
        return None

    def save_in_bulk(self, calls: Sequence[Merged]) -> Results:
        """Replaces all of one traffic type with one call; gives what refused each."""
        identities = [each.identity for each in calls]
        place = self.places[identities[0].traffic_type]
        try:
            failed = split_admin.replace_identities(self.runtime.http, self.account, place, identities)
        except Refused as refused:
            if refused.remedy is not Remedy.HALVE or len(calls) == 1:
                return [refused] * len(calls)
            middle = len(calls) // 2
            return self.save_in_bulk(calls[:middle]) + self.save_in_bulk(calls[middle:])
        return [failed.get(identity.key) for identity in identities]


class _Tally:
    """Which identities of each message are still open; a message is settled when none is."""

    def __init__(self, merged: Sequence[Merged], delivery: Delivery) -> None:
        self._delivery = delivery
        self._open = Counter(entry_id for each in merged for entry_id in each.entry_ids)
        self._refused: dict[str, Refused] = {}

    def outcomes(self, calls: Sequence[Merged], results: Results) -> list[Outcome]:
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
        return dead(entry_id, refused.code, refused.detail) if refused else self._delivery.delivered(entry_id)


def _speaks_for_all(refused: Refused) -> bool:
    """True for a refusal that every other key would meet as well; a 5xx may be one key's trouble."""
    return refused.remedy is Remedy.MEND or refused.wait_seconds is not None or refused.code == "rate_limited"
