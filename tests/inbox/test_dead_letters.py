"""The reason codes of dead letters: all that endpoints and workers give, and no others."""

import re
from pathlib import Path

import orjson
import pytest

from split_dest.errors import REASONS
from split_dest.inbox import dead_letters
from split_dest.inbox.dead_letters import CODES
from split_dest.inbox.drains import dead
from split_dest.inbox.store import Store
from split_dest.mapping.acceptance import impression_item, item
from split_dest.mapping.rules import Rules
from split_dest.segment import payload, tracking
from split_dest.segment.tracking import Call
from tests.support.steps import accept, begin_mapping, leave_dead, take

_ROOT = Path(__file__).parents[2]
_TRACK = {"type": "track", "event": "E", "userId": "u"}

#: What the webhook can't take, with the code; each stands beside a good message.
_WEBHOOK = {
    "not_json": b'{"type": "track", oops}',
    "not_an_object": b"7",
    "message_too_large": orjson.dumps(_TRACK | {"properties": {"p": "x" * 40_000}}),
    "number_not_finite": b'{"type": "track", "userId": NaN}',
    "text_not_unicode": b'{"type": "track", "userId": "\xff"}',
    "id_not_string": orjson.dumps(_TRACK | {"userId": []}),
    "properties_not_object": orjson.dumps(_TRACK | {"properties": 7}),
    "traits_not_object": orjson.dumps({"type": "identify", "userId": "u", "traits": 7}),
    "split_too_large": orjson.dumps(_TRACK | {"properties": {"split": {f"t{n}": "k" for n in range(101)}}}),
}
#: What the Tracking API can't take besides.
_TRACKING = {
    "no_user_anon_id": {"type": "track", "event": "E"},
    "event_not_defined": {"type": "track", "userId": "u"},
    "event_not_string": {"type": "track", "userId": "u", "event": [7]},
    "name_not_string": {"type": "page", "userId": "u", "name": 7},
}
#: Those of the workers, with the file that gives them.
_WORKERS = {
    "traffic_type_unknown": "workers",
    "record_refused": "split_dest/outlets",
    "crashed_worker": "split_dest/inbox",
    "entry_unreadable": "split_dest/inbox",
    "gave_up": "workers",
}


@pytest.mark.parametrize("code", _WEBHOOK)
def test_the_webhooks_codes_are_those_of_dead_letters(code: str) -> None:
    """A message beside a good one gets the code, and can be chosen by it."""
    found = payload.messages(b"[" + _WEBHOOK[code] + b", " + orjson.dumps(_TRACK) + b"]")

    assert {item(each, Rules(), 32_768).reason for each in found} == {code, ""}
    assert code in CODES


@pytest.mark.parametrize("code", _TRACKING)
def test_the_tracking_apis_codes_are_those_of_dead_letters(code: str) -> None:
    """The same for what an SDK sends."""
    call = Call(None, 1_768_469_400_250, 32_768, lambda: "new")
    (found,) = tracking.posted(orjson.dumps({"batch": [_TRACKING[code]]}), call).messages

    assert item(found, Rules(), None, "tracking").reason == code
    assert code in CODES


def test_no_code_is_missing_and_none_too_much() -> None:
    """All codes are those above, of impressions and of workers; each of them is a reason."""
    incomplete = impression_item({"key": "u"}, 32_768).reason
    call = Call(None, 1_768_469_400_250, 32_768, lambda: "new")
    joined = tracking.posted(orjson.dumps({"batch": [_TRACK], "writeKey": "w"}), call)
    (foreign,) = joined.only(joined.messages, ())

    assert set(CODES) == {*_WEBHOOK, *_TRACKING, incomplete, foreign.rejection.code, *_WORKERS}
    assert set(CODES) <= set(REASONS)


@pytest.mark.parametrize("code", _WORKERS)
def test_the_workers_codes_stand_in_their_code(code: str) -> None:
    """Where a worker settles a message as dead."""
    texts = [path.read_text() for path in (_ROOT / _WORKERS[code]).rglob("*") if path.suffix in (".py", ".lua")]

    assert re.search(rf"[\"']{code}[\"']", "\n".join(texts))


@pytest.mark.parametrize("endpoint", ["webhook", "tracking", "import", ""])
def test_a_letter_keeps_its_endpoint_whoever_makes_it(store: Store, endpoint: str) -> None:
    """On arrival, by a worker, over a death, and after a replay; with what Split said, which a replay forgets."""
    accept(store, "bad", reason="not_json", endpoint=endpoint)
    accept(store, "deadly", "refused", endpoint=endpoint)
    for _ in range(3):
        begin_mapping(drain := take(store), 100)
        leave_dead(store, drain)
    (refused,) = begin_mapping(drain := take(store), 100)
    drain.settle([dead(refused.id, "record_refused", "400", "no such key")])
    drain.release("away")

    letters = list(dead_letters.browse(store, "web"))

    whose = [(letter.reason, letter.endpoint, letter.words) for letter in letters]
    assert whose == [
        ("not_json", endpoint, ""),
        ("crashed_worker", endpoint, ""),
        ("record_refused", endpoint, "no such key"),
    ]
    assert dead_letters.replay(store, letters[2], "events", letters[2].text)
    drain = take(store)
    drain.settle(dead(entry.id, "gave_up") for entry in drain.claim(100))
    last = list(dead_letters.browse(store, "web"))[-1]
    assert (last.reason, last.endpoint, last.words) == ("gave_up", endpoint, "")
