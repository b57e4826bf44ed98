"""How soon the service is at work again after its Redis was gone."""

import time

from tests.chaos.ground import Ground, until
from tests.chaos.senders import Senders

#: The endpoint takes messages and the workers deliver them again, without a person.
WITHIN_SECONDS = 30.0
#: Senders give up after four to five seconds; a 503 must have come well before.
ANSWER_SECONDS = 4.0
_MESSAGES = 100


def resumes(on: Ground, senders: Senders, since: float) -> float:
    """Post on until new messages are acknowledged and delivered; return how long that took, in seconds.

    Args:
        on: whose service it is.
        senders: who post.
        since: from when to count, by ``time.monotonic``.
    """
    since_ms = int((time.time() - time.monotonic() + since) * 1000)
    senders.release(_MESSAGES)

    def is_delivered() -> bool:
        new = {f"u-{number}" for number, at in senders.acknowledged.copy().items() if at > since}
        return any(event["key"] in new for event in on.sandbox.received("events", f"&since={since_ms}"))

    until(is_delivered, 2 * WITHIN_SECONDS, f"new messages arrive; {dict(senders.answers)}")
    return time.monotonic() - since


def check_times(senders: Senders, resumed: list[float], *, refused: bool = True) -> str:
    """Ensure that all resumed in time and that no sender waited for too long; return the figures.

    *refused*: some must have been told to come later.
    """
    assert max(resumed) < WITHIN_SECONDS, resumed
    assert max(senders.took) < ANSWER_SECONDS, max(senders.took)
    assert senders.answers[503] or not refused, dict(senders.answers)
    return (
        f"resumed within {max(resumed):.1f} s, {senders.answers[503]} answers of 503, "
        f"the slowest answer took {max(senders.took):.1f} s"
    )
