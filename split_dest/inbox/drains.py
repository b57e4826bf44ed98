"""A drain's hold on its slot: claim, settle, rest."""

import random
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from split_dest.errors import Refused, Remedy
from split_dest.inbox import lanes, wake
from split_dest.inbox.store import EVERYBODY, Store, reported, stored_ms, stored_number

#: Back-off after refusals in a row: a random part of base * 2 ** refusals, at most the cap.
BACKOFF_BASE_MS = 1000
BACKOFF_CAP_MS = 300_000

#: How many messages are claimed together, by how often workers died over them: after a death the batch is taken
#: apart, until the one that kills stands alone.
_AFTER_DEATHS = {1: 32, 2: 1}
_DEATHS_MAX = 3
#: Split must have refused so often in a row before the refusal that ends its messages: after a long pause that it
#: asked for, two refusals would be all that was tried.
_REFUSALS_MIN = 2
#: Lua takes no more than a few thousand values at once.
_SETTLED_TOGETHER = 1000

#: The format of what is stored of a message or of a dead letter, in its field ``f``; one without it has format 1.
#: A change that older versions would misread takes another number; one more field does not, for they pass it over.
FORMAT = 1
_FORMAT = b"%d" % FORMAT
#: Redis counts messages, not bytes, so a drain's first batch is small, and after large messages the next one is.
_FIRST = 250
_BATCH_BYTES = 4_000_000


class Entry(NamedTuple):
    """A claimed message: its place in the stream, its JSON text, and when it was accepted, in ms."""

    id: str
    text: bytes
    accepted_ms: int

    def waits_since_ms(self, now_ms: int) -> int:
        """Return when it was stored for this attempt to deliver it: a replayed one starts again.

        A stream's ids never go back. So after Redis's clock has, they are ahead of it, and when it was accepted
        counts instead.
        """
        stored_ms = int(self.id.partition("-")[0])
        return stored_ms if stored_ms <= now_ms else self.accepted_ms

    @classmethod
    def read(cls, entry_id: bytes, fields: list[bytes]) -> "Entry | None":
        """Return what an entry of a lane's stream holds; None: this version can't read what another one wrote."""
        each = iter(fields)
        named = dict(zip(each, each, strict=True))
        text, accepted_ms = named.get(b"m"), stored_ms(named.get(b"t"))
        if text is None or accepted_ms is None or named.get(b"f", _FORMAT) != _FORMAT:
            return None
        return cls(entry_id.decode(), text, accepted_ms)


class Outcome(NamedTuple):
    """What became of a claimed message: ``delivered``, ``filtered:<reason>``, or ``dead``.

    ``codes`` are the reason of a dead one; of any other, what was noted about it, between commas. ``words`` are
    those of Split or Segment.
    """

    entry_id: str
    outcome: str
    codes: str = ""
    detail: str = ""
    words: str = ""


def delivered(entry_id: str, notes: Iterable[str] = ()) -> Outcome:
    """Return the outcome of a message that Split or Segment has, and the codes of what was noted about it."""
    return Outcome(entry_id, "delivered", ",".join(notes))


def filtered(entry_id: str, reason: str, notes: Iterable[str] = ()) -> Outcome:
    """Return the outcome of a message that is not to be delivered, and the codes of what was noted about it."""
    return Outcome(entry_id, f"filtered:{reason}", ",".join(notes))


def dead(entry_id: str, reason: str, detail: str = "", words: str = "") -> Outcome:
    """Return the outcome of a message that is set aside, with the words of Split or Segment, if it refused it."""
    return Outcome(entry_id, "dead", reason, detail, words)


def _alike(outcomes: Iterable[Outcome]) -> Iterator[tuple[str | int, ...]]:
    """Yield each outcome, its codes, detail and words, how many messages it became of, and their ids."""
    ids: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for outcome in outcomes:
        ids[outcome[1:]].append(outcome.entry_id)
    for outcome_of_all, found in ids.items():
        for start in range(0, len(found), _SETTLED_TOGETHER):
            together = found[start : start + _SETTLED_TOGETHER]
            yield (*outcome_of_all, len(together), *together)


class SlotLease:
    """The hold on one slot of a lane, from ``take`` until it is released or its worker falls silent."""

    def __init__(self, store: Store, owner: str, lane: str, slot: int, token: str) -> None:
        self._store = store
        self.owner = owner
        self.lane = lane
        self.slot = slot
        self.token = token
        self.key = store.key(owner, lane, "drain", str(slot))
        self._stream = store.key(owner, lane, "stream")
        #: False once all is claimed that a dead drain of the slot may have left.
        self.has_left_overs = True
        self._deaths = 0
        #: How many messages a batch may have, by the size of those in the batch before.
        self._fitting = _FIRST

    def _run(self, script: str, *args: object) -> int:
        return int(self._store.run(script, self.owner, self.lane, self.slot, self.token, *args))

    def take(self, job_id: str) -> bool:
        """Try to get the slot, which may be marked as queued for the job of this id; True if it did."""
        taken = self._run("take", lanes.LEASE_MS, job_id)
        self._deaths = taken - 1
        return taken > 0

    def claim(self, most: int) -> list[Entry]:
        """Return up to *most* messages, first those that a dead drain of the slot left; none: all are claimed."""
        with reported():
            if self.has_left_overs:
                left = self._left_over(most)
                if left:
                    return left
                self.has_left_overs = False
                if self._deaths:
                    self._deaths = 0
                    self._run("vouch", "open", "deaths")
            return self._read(">", most)

    def _left_over(self, most: int) -> list[Entry]:
        if self._deaths >= _DEATHS_MAX:
            self._run("blame", "crashed_worker")
            self._deaths = 1
        return self._read("0", _AFTER_DEATHS.get(self._deaths, most))

    def _read(self, after: str, most: int) -> list[Entry]:
        while claimed := self._claimed(after, min(most, self._fitting)):
            if entries := self._readable(claimed):
                size = sum(len(entry.text) for entry in entries)
                self._fitting = max(1, _BATCH_BYTES * len(entries) // max(1, size))
                return entries
        return []

    def _claimed(self, after: str, most: int) -> list[tuple[bytes, list[bytes]]]:
        group = ("XREADGROUP", "GROUP", "drains", self.slot, "COUNT", most, "STREAMS", self._stream, after)
        # Made twice, it would claim twice, and the drain would know only of the second.
        answer = self._store.run_once(*group)
        return answer[0][1] if answer else []

    def _readable(self, claimed: Iterable[tuple[bytes, list[bytes]]]) -> list[Entry]:
        """Return the entries that this version can read; the others become dead letters, unless they are gone."""
        entries: list[Entry] = []
        others: list[str] = []
        gone: list[str] = []
        for entry_id, fields in claimed:
            entry = Entry.read(entry_id, fields) if fields else None
            if entry is not None:
                entries.append(entry)
            else:
                (others if fields else gone).append(entry_id.decode())
        if gone:
            self._store.client.xack(self._stream, "drains", *gone)
        self.settle((dead(entry_id, "entry_unreadable") for entry_id in others), all_well=False)
        return entries

    def suspect(self) -> bool:
        """Say that what was claimed is about to be mapped: if the worker dies before ``vouch``, it may be why.

        False: another drain has the slot.
        """
        return self._run("suspect", self._deaths) == 1

    def vouch(self) -> None:
        """Say that what was claimed has been mapped, so that none of it is to blame for a later death."""
        self._run("vouch", "open")

    def may_call(self, wait_replicas: int = 0) -> bool:
        """Return whether the slot is ours and the lane is not paused; renew the hold.

        *wait_replicas* is how many replicas must have the claims and all that was settled before: a master that
        goes on although another was promoted must deliver nothing, for the other would deliver it again.
        """
        place = (self.owner, self.lane, self.slot, self.token)
        held = self._store.run_copied("hold", *place, lanes.LEASE_MS, wait_replicas=wait_replicas)
        return int(held) == 1

    def settle(self, outcomes: Iterable[Outcome], *, all_well: bool = True) -> None:
        """Finish messages; each is counted once, even if a drain that was thought dead does the same.

        With *all_well*, what was delivered ends the lane's back-off; without, a call beside it was refused.
        """
        args = [part for alike in _alike(outcomes) for part in alike]
        if args:
            self._store.run("settle", self.owner, self.lane, int(all_well), *args)

    def refused_since_ms(self) -> int | None:
        """Return since when Split fails, without a delivery between; None: it does not, or did so too seldom."""
        with reported():
            rest = self._store.client.hgetall(self._store.key(self.owner, self.lane, "rest"))
        is_old = stored_number(rest.get(b"refusals")) >= _REFUSALS_MIN
        return stored_ms(rest.get(b"since_ms")) if is_old else None

    def rest(self, refused: Refused) -> int:
        """Let the lane rest after a refusal and release the slot; return the rest's length in ms.

        The wait that the answer gave counts, with a random second on top so that not all come back at once; else
        a random part of a bound that doubles with each refusal in a row ("full jitter").
        """
        given_ms = -1 if refused.wait_seconds is None else int(refused.wait_seconds * 1000)
        spread = random.random()  # noqa: S311 - spreads load, guards nothing
        # A wrong key and a rate limit say nothing against the messages that wait behind them.
        blames = refused.remedy is Remedy.WAIT and refused.code != "rate_limited"
        backoff = given_ms, spread, BACKOFF_BASE_MS, BACKOFF_CAP_MS
        return self._run("rest", refused.code, refused.detail, *backoff, int(blames), refused.words)

    def release(self, mode: str) -> bool:
        """End the drain: ``empty`` (False: more came, go on), ``away`` (at once), or ``fault``.

        After a ``fault`` what was being mapped is under suspicion, as if the worker had died.
        """
        return self._run("release", mode, lanes.QUEUED_MS, "") == 1

    def pass_on(self) -> None:
        """End this drain's turn and put another at the end of the queue, so that other lanes get theirs."""
        job_id = secrets.token_hex(8)
        self._run("release", "turn", lanes.QUEUED_MS, job_id)
        wake.enqueue(self._store, self.owner, self.lane, self.slot, job_id)


def take(store: Store, owner: str, lane: str, slot: int, job_id: str = "") -> SlotLease | None:
    """Return the hold on a slot; None: another drain has it or is to come for it, or the lane rests.

    Raises:
        StoreUnavailable: Redis is away.
    """
    drain = SlotLease(store, owner, lane, slot, secrets.token_hex(8))
    return drain if drain.take(job_id) else None


def beat(store: Store, worker: str, running: Iterable[SlotLease]) -> None:
    """Renew a worker's sign of life and the leases of the drains it runs.

    Raises:
        StoreUnavailable: Redis is away.
    """
    leases = (part for drain in running for part in (drain.key, drain.token))
    store.run("beat", EVERYBODY, worker, lanes.LEASE_MS, *leases)


def leave(store: Store, worker: str) -> None:
    """Remove a worker's sign of life, as it ends.

    Raises:
        StoreUnavailable: Redis is away.
    """
    with reported():
        store.client.zrem(store.key("workers"), worker)
