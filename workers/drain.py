"""The one RQ job: empty a lane of a destination or source in batches.

Each batch is claimed, mapped, sent and settled; ``_DELIVER`` names what maps and sends the messages of a lane.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial

from split_dest import logs
from split_dest.errors import Refused, Remedy, StoreUnavailable
from split_dest.inbox import drains, lanes
from split_dest.inbox.drains import Entry, SlotLease
from workers import bulk_lanes, identities_lane
from workers.delivery import Calls, LaneDelivery, SlotLost, SlowCallGuard, TurnOver
from workers.runtime import Runtime, current

#: How long a drain works before other lanes get their turn.
TURN_SECONDS = 5.0
#: How long to wait when a claim returned nothing although messages wait: another process is between two steps.
_PAUSE_SECONDS = 0.05
_LOOK_SECONDS = 0.05

#: Maps claimed messages of a lane, and returns the calls that carry them, or None when those have been made.
_DELIVER: dict[str, Callable[[LaneDelivery, Sequence[Entry]], Calls | None]] = {
    "events": bulk_lanes.deliver_events,
    "identities": identities_lane.deliver,
    "impressions": bulk_lanes.deliver_impressions,
    "tracks": bulk_lanes.deliver_tracks,
}


def knows(owner: str, lane: str) -> bool:
    """Return whether this worker's settings and code have a lane."""
    settings = current().settings
    owners = settings.sources if lane in lanes.OF_SOURCE else settings.destinations
    return lane in _DELIVER and owner in owners


def drain(owner: str, lane: str, slot: int, job_id: str = "") -> None:
    """Deliver what waits in a lane, until nothing is left, the turn is over, or Split refuses.

    If Split answers slowly, the drain goes on in the background after this has returned.

    Args:
        owner: the name of a destination or source in the settings.
        lane: one of ``inbox.lanes.SLOTS``.
        slot: which of the lane's drains this is.
        job_id: under which the slot was marked as queued.

    Raises:
        StoreUnavailable: Redis is away; a later drain claims again what was claimed.
    """
    runtime = current()
    run_until_slow(runtime.drains, partial(_drain, runtime, owner, lane, slot, job_id), job_id)


def run_until_slow(pool: ThreadPoolExecutor, work: Callable[[SlowCallGuard], None], job_id: str) -> None:
    """Run a drain until it ends or moves to the background.

    What it raises in the foreground is raised here, what it raises in the background is logged.
    """
    guard = SlowCallGuard()
    future = pool.submit(work, guard)
    while not wait([future], _LOOK_SECONDS).done:
        if guard.move_if_slow():
            future.add_done_callback(partial(_log_failure, job_id))
            return
    future.result()


def _log_failure(job_id: str, future: Future[None]) -> None:
    raised = future.exception()
    if raised is not None:
        logs.error("job_failed", cause=raised, job=job_id)


def _drain(shared: Runtime, owner: str, lane: str, slot: int, job_id: str, guard: SlowCallGuard) -> None:
    runtime = replace(shared, http=shared.http.within(guard.calling))
    lease = drains.take(runtime.store, owner, lane, slot, job_id)
    if lease is None:
        return
    with runtime.renewing(lease):
        try:
            _deliver_lane(LaneDelivery(lease, runtime, guard, time.monotonic() + TURN_SECONDS))
        except Refused as refused:
            _pause_lane(lease, refused)
        except SlotLost:
            lease.release("away")
        except TurnOver:
            lease.pass_on()
        except BaseException as error:
            # RQ logs and counts any other error; the slot must not wait for its lease to expire.
            _release_quietly(lease, "away" if isinstance(error, StoreUnavailable) else "fault")
            raise


def _deliver_lane(delivery: LaneDelivery) -> None:
    """Deliver, and pass on what is left; keep the slot until all calls and claims under way have ended."""
    try:
        is_empty = _empty(delivery)
    except (Refused, SlotLost, TurnOver):
        # What the calls under way raise takes precedence.
        delivery.finish_calls()
        raise
    finally:
        delivery.wait_for_threads()
    if not is_empty:
        delivery.lease.pass_on()


def _empty(delivery: LaneDelivery) -> bool:
    """Deliver batch after batch; return True once nothing waits and the slot is released, False to go on later."""
    while not delivery.should_end:
        entries = delivery.claim()
        if entries:
            _deliver(delivery, entries)
        if not entries or delivery.lease.has_left_overs:
            delivery.finish_calls()
        if not entries:
            if delivery.lease.release("empty"):
                return True
            time.sleep(_PAUSE_SECONDS)
    delivery.finish_calls()
    return False


def _deliver(delivery: LaneDelivery, entries: Sequence[Entry]) -> None:
    try:
        calls = _DELIVER[delivery.lease.lane](delivery, entries)
    except Refused as refused:
        delivery.give_up(entries, refused)
        raise
    if calls is not None:
        delivery.start_calls(entries, calls)


def _pause_lane(lease: SlotLease, refused: Refused) -> None:
    rest_ms = lease.rest(refused)
    log = logs.error if refused.remedy is Remedy.FIX else logs.warning
    log(
        "lane_paused",
        destination=lease.owner,
        lane=lease.lane,
        reason=refused.code,
        detail=refused.detail,
        rest_ms=rest_ms,
    )


def _release_quietly(lease: SlotLease, mode: str) -> None:
    try:
        lease.release(mode)
    except StoreUnavailable:
        logs.warning("slot_not_released", destination=lease.owner, lane=lease.lane)
