"""A strategy for mapping rules within the limits of the settings."""

from hypothesis import strategies as st

from split_dest.mapping.rules import Attributes, EventTypeIds, Identify, Named, Properties, Rules, Track
from tests.support.strategies import ODD_TEXTS, mostly

_paths = st.sampled_from(
    ["userId", "anonymousId", "groupId", "context.groupId", "properties.name", "traits.a", "event", "", "a..b"]
)
_types = st.sampled_from(["user", "anonymous", "account", "auction"])
_patterns = st.lists(
    st.one_of(st.sampled_from(["*", "Order*", "*e*e*", "get_treatment"]), st.text(max_size=3)), max_size=2
)
_templates = st.one_of(
    st.sampled_from(["view_{name}_page", "viewed_{name}_screen", "{name}", "!{name}"]),
    st.builds("{}{{name}}{}".format, st.sampled_from(ODD_TEXTS), st.text(max_size=3)),
)
_named = st.builds(Named, _templates, st.sampled_from([True] * 9 + [False]))
_switch = st.sampled_from([True] * 9 + [False])

rules = st.builds(
    Rules,
    map_identities=mostly(
        st.dictionaries(_paths, _types, max_size=4),
        {"userId": "user", "anonymousId": "anonymous", "groupId": "account"},
    ),
    traffic_types=st.one_of(st.none(), st.frozensets(_types)),
    environment_name=st.one_of(st.none(), st.text(max_size=5)),
    identify=st.builds(
        Identify,
        enabled=_switch,
        mode=st.sampled_from(["merge", "replace"]),
        paths=mostly(st.lists(_paths, max_size=3).map(tuple), ("userId", "anonymousId")),
    ),
    group_enabled=_switch,
    track=st.builds(
        Track,
        enabled=_switch,
        event_type_id=mostly(st.sampled_from(["name", "properties.name", "messageId", "x.y"]), "event", "event"),
        value=st.lists(st.sampled_from(["properties.revenue", "userId", "properties.a.b", "timestamp"])).map(
            tuple
        ),
        numeric_strings=st.booleans(),
        included=mostly(_patterns.map(tuple), ()),
        excluded=_patterns.map(tuple),
    ),
    named_pages=_named,
    named_screens=_named,
    event_type_ids=st.builds(
        EventTypeIds,
        invalid=st.sampled_from(["sanitize", "drop"]),
        unrecognizable=st.sampled_from(["drop", "hash"]),
        max_length=st.sampled_from([1, 20, 63, 80]),
    ),
    attributes=st.builds(
        Attributes, nested=st.sampled_from(["json", "flatten"]), max_length=st.sampled_from([1, 254, 255])
    ),
    properties=st.builds(
        Properties,
        nested=st.sampled_from(["flatten", "json", "drop"]),
        max_length=st.sampled_from([1, 255, 256]),
        max_count=st.sampled_from([0, 1, 299, 300]),
    ),
)
