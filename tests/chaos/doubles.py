"""What each crash doubled: messages that were under way to the stand-in when it came, and came there again."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

from tests.support.sandbox import Sandbox

#: A busy stand-in takes a call later than it was sent.
_LATE_MS = 1000


def most(sandbox: Sandbox, kind: str, deaths_ms: Sequence[int], delay_ms: int = 0) -> int:
    """Return how many records of a kind the worst crash doubled; what came twice without one fails.

    Args:
        sandbox: which received them.
        kind: of record.
        deaths_ms: when workers were killed, in the order of time.
        delay_ms: how long the stand-in holds a call before it takes what the call brings, caller or no caller.
    """
    came: dict[str, list[int]] = defaultdict(list)
    for record in sandbox.call("GET", f"/_sandbox/received?kind={kind}").json():
        came[record["key"]].append(record["receivedAt"] - delay_ms)
    by_crash: Counter[int] = Counter()
    for key, times in came.items():
        for first, again in pairwise(times):
            near = [death for death in deaths_ms if first - _LATE_MS <= death <= again]
            assert near, f"{key} twice without a crash"
            by_crash[min(near, key=lambda death: abs(death - first))] += 1
    return max(by_crash.values(), default=0)
