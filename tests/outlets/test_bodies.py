"""Bodies of bulk calls stay within the limits of the API that they are sent to."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from split_dest.outlets import segment_tracking, split_impressions
from split_dest.outlets.bulk import Limits, calls
from split_dest.split.records import Impression


@pytest.mark.parametrize(("count", "size"), [(6000, 10), (200, 10_000), (40, 32_768), (2500, 150)])
def test_segment_gets_no_batch_over_its_limits(count: int, size: int):
    """At most 2,500 messages and 500 KB, whatever their size; none is left out or sent twice."""
    texts = [orjson.dumps({"n": n, "p": ""}).replace(b'""', b'"%s"' % (b"x" * (size - 16))) for n in range(count)]

    packed = list(calls(((str(n), [text]) for n, text in enumerate(texts)), segment_tracking.LIMITS))
    bodies = [segment_tracking.request("u", "k", (chunk.records[0] for chunk in call)).body for call in packed]

    batches = [orjson.loads(body)["batch"] for body in bodies]
    assert [each["n"] for batch in batches for each in batch] == list(range(count))
    assert max(map(len, batches)) <= 2500
    assert max(map(len, bodies)) <= 500_000


@given(st.lists(st.tuples(st.sampled_from(["a", 'b"', "ü"]), st.text(max_size=5)), min_size=1, max_size=30))
def test_impressions_of_a_flag_stand_together(seen: list[tuple[str, str]]):
    """Each flag appears once, its impressions keep their order, and the body is no larger than calculated."""
    impressions = [Impression(flag, key, "on", n + 1, "l") for n, (flag, key) in enumerate(seen)]
    encoded = [split_impressions.encode(each) for each in impressions]

    body = split_impressions.request("u", "k", encoded).body
    groups = orjson.loads(body)

    assert len({group["f"] for group in groups}) == len(groups)
    flat = sorted((each["m"], group["f"], each["k"]) for group in groups for each in group["i"])
    assert flat == [(n + 1, *pair) for n, pair in enumerate(seen)]
    assert len(body) <= sum(map(len, encoded)) + len(encoded) + 1


@given(
    st.lists(st.lists(st.integers(1, 60).map(lambda size: b"x" * size), min_size=1, max_size=8), max_size=20),
    st.builds(Limits, st.integers(1, 10), st.integers(70, 200)),
)
def test_no_call_is_over_its_limits_and_no_record_is_lost(messages: list[list[bytes]], limits: Limits):
    """A message's records stay together unless they alone are too many; its last chunk says so."""
    named = [(str(n), records) for n, records in enumerate(messages)]

    packed = list(calls(named, limits))

    for call in packed:
        records = [record for chunk in call for record in chunk.records]
        assert len(records) <= limits.records
        assert sum(map(len, records)) + len(records) + 1 <= limits.size_bytes
    chunks = [chunk for call in packed for chunk in call]
    rejoined: dict[str, list[bytes]] = {}
    for chunk in chunks:
        rejoined.setdefault(chunk.entry_id, []).extend(chunk.records)
    assert rejoined == dict(named)
    assert [chunk.entry_id for chunk in chunks if chunk.is_last] == list(rejoined)
