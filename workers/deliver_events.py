"""The lane ``events``: map, pack, send in bulk, and find a bad event by halving."""

from collections.abc import Sequence

from split_dest.errors import Refused, Remedy
from split_dest.inbox.drains import Entry, dead, delivered, filtered
from split_dest.mapping import to_split
from split_dest.outlets import split_events
from split_dest.outlets.http import Request
from split_dest.outlets.split_events import Parcel
from split_dest.segment import message
from workers.delivery import Delivery


def deliver(delivery: Delivery, entries: Sequence[Entry]) -> None:
    """Delivers claimed messages as events.

    Raises:
        Refused: Split takes no calls now; what is not settled stays claimed.
        SlotLost: the drain may not go on.
    """
    kept_out, messages = [], []
    for entry in entries:
        mapped = to_split(message.restore(entry.text), delivery.rules, entry.accepted_ms)
        if mapped.dropped:
            kept_out.append(filtered(entry.id, mapped.dropped))
        else:
            messages.append((entry.id, [split_events.encode(event) for event in mapped.events]))
    delivery.hold.vouch(entries)
    delivery.hold.settle(kept_out)
    limits = delivery.runtime.settings.delivery
    for call in split_events.calls(messages, split_events.Limits(limits.batch_max_events, limits.batch_max_bytes)):
        _send(delivery, call)


def _send(delivery: Delivery, call: Sequence[Parcel]) -> None:
    delivery.before_call()
    try:
        delivery.runtime.http.send(_request(delivery, call))
    except Refused as refused:
        if refused.remedy is not Remedy.HALVE:
            raise
        _halve(delivery, call, refused)
    else:
        delivery.hold.settle(delivered(parcel.entry_id) for parcel in call if parcel.last)


def _halve(delivery: Delivery, call: Sequence[Parcel], refused: Refused) -> None:
    if len(call) == 1:
        delivery.hold.settle([dead(call[0].entry_id, refused.code, refused.detail)])
        return
    middle = len(call) // 2
    _send(delivery, call[:middle])
    _send(delivery, call[middle:])


def _request(delivery: Delivery, call: Sequence[Parcel]) -> Request:
    sdk_key = delivery.destination.split.sdk_key
    return split_events.request(
        delivery.runtime.settings.split.events_url,
        sdk_key.reveal() if sdk_key else "",
        (event for parcel in call for event in parcel.events),
    )
