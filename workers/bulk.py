"""What the lanes of bulk calls share: pack, send, and find a bad record by halving."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic

from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, Outcome, dead, filtered
from split_dest.outlets.bulk import Encoded, Limits, Parcel, calls
from split_dest.outlets.http import Request
from workers.delivery import Calls, Delivery


@dataclass(slots=True)
class Made(Generic[Encoded]):
    """What a message becomes: encoded records, or the reason code why none; and what is noted about it."""

    records: Sequence[Encoded]
    dropped: str | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way(Generic[Encoded]):
    """How a lane's messages leave: what each becomes, the call that carries records, and how much it holds."""

    make: Callable[[Entry], Made[Encoded]]
    request: Callable[[Iterable[Encoded]], Request]
    limits: Limits


def to_split(
    delivery: Delivery,
    make: Callable[[Entry], Made[Encoded]],
    request: Callable[[str, str, Iterable[Encoded]], Request],
) -> Way[Encoded]:
    """Gives the way to Split's Events API, by the settings of the drain's destination.

    Args:
        delivery: the drain's work.
        make: what each message becomes.
        request: the call, of the API's address, the SDK key and the records.
    """
    settings = delivery.runtime.settings
    sdk_key = settings.destinations[delivery.hold.owner].split.sdk_key
    return Way(
        make=make,
        request=partial(request, settings.split.events_url, sdk_key.reveal() if sdk_key else ""),
        limits=Limits(settings.delivery.batch_max_events, settings.delivery.batch_max_bytes),
    )


def deliver(delivery: Delivery, entries: Sequence[Entry], way: Way[Encoded]) -> Calls:
    """Maps claimed messages and gives the bulk calls that carry them.

    Raises:
        SlotLost: the drain may not go on.
        TurnOver: other lanes are to have their turn.
    """
    kept_out, messages = [], []
    for entry in delivery.mapping(entries):
        made = way.make(entry)
        if made.dropped:
            kept_out.append(filtered(entry.id, made.dropped, made.notes))
        else:
            if made.notes:
                delivery.note(entry.id, made.notes)
            messages.append((entry.id, made.records))
    return partial(_send_all, delivery, kept_out, messages, way)


def _send_all(
    delivery: Delivery,
    kept_out: Sequence[Outcome],
    messages: Sequence[tuple[str, Sequence[Encoded]]],
    way: Way[Encoded],
) -> None:
    delivery.hold.settle(kept_out)
    for call in calls(messages, way.limits):
        _send(delivery, call, way)


def _send(delivery: Delivery, call: Sequence[Parcel[Encoded]], way: Way[Encoded]) -> None:
    delivery.before_call()
    try:
        delivery.runtime.http.send(way.request(record for parcel in call for record in parcel.records))
    except Refused as refused:
        if refused.remedy is not Remedy.HALVE:
            raise
        _halve(delivery, call, way, refused)
    else:
        delivery.settle(delivery.delivered(parcel.entry_id) for parcel in call if parcel.last)


def _halve(delivery: Delivery, call: Sequence[Parcel[Encoded]], way: Way[Encoded], refused: Refused) -> None:
    if len(call) == 1:
        delivery.settle([dead(call[0].entry_id, refused.code, refused.detail)])
        return
    middle = len(call) // 2
    _send(delivery, call[:middle], way)
    _send(delivery, call[middle:], way)
