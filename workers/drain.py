"""The one RQ job: empty a lane of a destination in batches."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from split_dest import logs
from split_dest.errors import Refused, Remedy, StoreUnavailable
from split_dest.inbox import drains, forbidden
from split_dest.inbox.drains import Drain, Entry
from workers import aside, deliver_events, deliver_identities, deliver_impressions, deliver_tracks
from workers.aside import Stand
from workers.delivery import Calls, Delivery, SlotLost, TurnOver
from workers.runtime import Runtime, current

#: How long a drain works before other lanes get their turn.
TURN_SECONDS = 5.0
#: A lane whose last claim brought nothing although something waits: another process is between two steps.
_PAUSE_SECONDS = 0.05

#: Maps claimed messages of a lane, and gives the calls that carry them, or None when those have been made.
_DELIVER: dict[str, Callable[[Delivery, Sequence[Entry]], Calls | None]] = {
    "events": deliver_events.deliver,
    "identities": deliver_identities.deliver,
    "impressions": deliver_impressions.deliver,
    "tracks": deliver_tracks.deliver,
}


def drain(owner: str, lane: str, slot: int, job_id: str = "") -> None:
    """Delivers what waits in a lane, until nothing is left, the turn is over, or Split refuses.

    If Split lets it wait, the rest happens aside, after this has returned.

    Args:
        owner: the name of a destination or source in the settings.
        lane: one of ``inbox.lanes.SLOTS``.
        slot: which of the lane's drains this is.
        job_id: under which the slot was marked as queued.

    Raises:
        StoreUnavailable: Redis is away; what was claimed is claimed again by a later drain.
    """
    runtime = current()
    aside.run(runtime.drains, partial(_drain, runtime, owner, lane, slot, job_id), job_id)


def _drain(shared: Runtime, owner: str, lane: str, slot: int, job_id: str, stand: Stand) -> None:
    runtime = replace(shared, http=shared.http.watched(stand.waiting))
    hold = drains.take(runtime.store, owner, lane, slot, job_id)
    if hold is None:
        return
    if lane not in _DELIVER or owner not in {*runtime.settings.destinations, *runtime.settings.sources}:
        # A door with newer settings or code has stored it; a worker that knows it will come.
        logs.warning("unknown_lane", destination=owner, lane=lane)
        forbidden.count(runtime.store, "job_unknown_lane")
        hold.release("away")
        return
    with runtime.keeping(hold):
        try:
            _work(Delivery(hold, runtime, stand, time.monotonic() + TURN_SECONDS))
        except Refused as refused:
            _rest(hold, refused)
        except SlotLost:
            hold.release("away")
        except TurnOver:
            hold.pass_on()
        except BaseException as error:
            # Whatever it was, RQ logs and counts it; the slot must not wait for its lease to end.
            _release_quietly(hold, "away" if isinstance(error, StoreUnavailable) else "fault")
            raise


def _work(delivery: Delivery) -> None:
    """Delivers, and passes on what is left; the slot is kept until all that is under way has ended."""
    try:
        is_empty = _empty(delivery)
    except (Refused, SlotLost, TurnOver):
        # What the calls in the air have met counts more.
        delivery.land()
        raise
    finally:
        delivery.wait()
    if not is_empty:
        delivery.hold.pass_on()


def _empty(delivery: Delivery) -> bool:
    """Delivers batch after batch, until nothing waits and the slot is released: True; or until it shall end."""
    while not (delivery.turn_is_over or delivery.stand.aside or delivery.runtime.stop.raised):
        entries = delivery.claim()
        if entries:
            _deliver(delivery, entries)
        if not entries or delivery.hold.has_left_overs:
            delivery.land()
        if not entries:
            if delivery.hold.release("empty"):
                return True
            time.sleep(_PAUSE_SECONDS)
    delivery.land()
    return False


def _deliver(delivery: Delivery, entries: Sequence[Entry]) -> None:
    try:
        calls = _DELIVER[delivery.hold.lane](delivery, entries)
    except Refused as refused:
        delivery.give_up(entries, refused)
        raise
    if calls is not None:
        delivery.send_off(entries, calls)


def _rest(hold: Drain, refused: Refused) -> None:
    rest_ms = hold.rest(refused)
    log = logs.error if refused.remedy is Remedy.MEND else logs.warning
    log(
        "lane_rests",
        destination=hold.owner,
        lane=hold.lane,
        reason=refused.code,
        detail=refused.detail,
        rest_ms=rest_ms,
    )


def _release_quietly(hold: Drain, mode: str) -> None:
    try:
        hold.release(mode)
    except StoreUnavailable:
        logs.warning("slot_not_released", destination=hold.owner, lane=hold.lane)
