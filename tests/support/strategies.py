"""Strategies for messages and JSON values: the known fields, mixed with anything."""

from typing import Any

from hypothesis import strategies as st

ODD_TEXTS = [
    "",
    " ",
    "Order Completed",
    "$$ Order: Completed!",
    "get_treatment",
    "_-.",
    "e" * 81,
    "k" * 251,
    "Köp slutfört 🛒",
    "a\u2028b\x00c",
    "39.95",
    "1e999",
    "2019-10-31T15:03:38.971Z",
    "0001-01-01T00:00:00Z",
]
_long = st.builds(lambda text, size: text * size, st.text(min_size=1, max_size=2), st.integers(79, 270))
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(max_size=8), _long)
numbers = st.one_of(
    st.integers(-5, 300),
    st.integers(-(2**63), 2**64 - 1),
    st.sampled_from([2**53, 2.0**53, 1e308, -0.0, 5e-324, 1572534218971, 1572534218.971]),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
names = st.one_of(st.sampled_from(["split", "name", "revenue", "a", "a.b", "2fa", "_", "", "$email"]), texts)
json_values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=6,
)
objects = st.dictionaries(names, json_values, max_size=4)


def mostly(strategy: st.SearchStrategy[Any], *usual: Any) -> st.SearchStrategy[Any]:
    """Return one of the usual values most of the time, else one of the strategy's."""
    return st.sampled_from([*map(st.just, usual * 2), strategy]).flatmap(lambda chosen: chosen)


ids = st.one_of(st.sampled_from(["u1", "818b40b3-0a01"]), st.integers(0, 99), texts, json_values)
splits = st.lists(
    st.dictionaries(st.sampled_from(["account", " Auction ", "spaceship", ""]), ids, max_size=3), max_size=3
)
large = st.builds(
    lambda count, size: {f"p{n}": "x" * size for n in range(count)},
    st.sampled_from([1, 115, 240, 299, 300, 301]),
    st.sampled_from([1, 102, 110, 256, 257]),
)
bags = st.one_of(
    objects,
    large,
    st.builds(lambda bag, split: {**bag, "split": split}, objects, st.one_of(splits, objects, json_values)),
    json_values,
)

_TYPES = ["track", "track", "track", "page", "screen", "identify", "identify", "group", "alias", "delete"]
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.one_of(st.sampled_from(_TYPES), json_values),
    "messageId": ids,
    "userId": ids,
    "anonymousId": ids,
    "groupId": ids,
    "previousId": ids,
    "event": st.one_of(texts, json_values),
    "name": st.one_of(texts, json_values),
    "timestamp": json_values,
    "originalTimestamp": json_values,
    "receivedAt": json_values,
    "properties": bags,
    "traits": bags,
    "context": st.one_of(st.builds(lambda group: {"groupId": group}, ids), json_values),
    "integrations": st.one_of(
        st.dictionaries(st.sampled_from(["All", "Split", "Harness"]), json_values), json_values
    ),
}
_USUAL: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(_TYPES),
    "userId": st.sampled_from(["u1", "u2", 7]),
    "event": mostly(texts, "Order Completed", "signup"),
    "name": mostly(texts, "Home", "Sign Up"),
    "properties": st.one_of(objects, objects, large),
    "traits": st.builds(lambda bag: {"plan": "pro", **bag}, objects),
}


@st.composite
def _odd(draw: st.DrawFn) -> dict[str, Any]:
    chosen = draw(st.lists(st.sampled_from(list(_FIELDS)), max_size=4, unique=True))
    return {name: draw(_FIELDS[name]) for name in chosen}


def _mixed(usual: dict[str, Any], odd: dict[str, Any], junk: dict[str, Any]) -> dict[str, Any]:
    return {**junk, **usual, **odd}


#: A message that mostly looks like one, some of whose fields may be of any type.
messages = st.builds(
    _mixed,
    st.fixed_dictionaries(_USUAL),
    _odd(),
    st.dictionaries(names, json_values, max_size=2),
)
