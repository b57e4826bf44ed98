"""Checks that span several parts of a destination."""

import pytest

from tests.config.conftest import DESTINATION

BARE = 'destinations:\n  web:\n    authorization: ["${SECRET}"]\n'
NO_EVENTS = [
    "    track: {enabled: false}",
    "    named_pages: {enabled: false}",
    "    named_screens: {enabled: false}",
]
NO_IDENTITIES = ["    identify: {enabled: false}", "    group: {enabled: false}"]
FOR_EVENTS = "is required while track, named_pages, named_screens or exposures is enabled"
FOR_IDENTITIES = "is required while identify, group or delete is enabled"


def lines(*given: str) -> str:
    """Return a destination without an account and with these lines."""
    return BARE + "\n".join(given) + "\n"


def missing(result: list[str]) -> dict[str, str]:
    """Return the problems of the account, by key."""
    texts = [problem.split(": ", 1)[1] for problem in result]
    return dict(text.removeprefix("destinations.web.split.").split(": ", 1) for text in texts)


@pytest.mark.parametrize("enabled", range(3))
def test_events_need_an_sdk_key(problems, enabled):
    """While any of track, named_pages and named_screens is enabled, and only then, sdk_key is required."""
    switches = [line for n, line in enumerate(NO_EVENTS) if n != enabled]

    result = problems(lines(*switches, *NO_IDENTITIES))

    assert missing(result) == {"sdk_key": FOR_EVENTS}


@pytest.mark.parametrize(
    "switches", [NO_IDENTITIES[1:], NO_IDENTITIES[:1], [*NO_IDENTITIES, "    delete: {enabled: true}"]]
)
def test_identities_need_an_admin_key_and_their_place(problems, switches):
    """While any of identify, group and delete is enabled, key, workspace and environment are required."""
    result = problems(lines(*switches, *NO_EVENTS))

    assert missing(result) == dict.fromkeys(["admin_key", "workspace_id", "environment"], FOR_IDENTITIES)


def test_what_sends_nothing_needs_no_key(loaded):
    """With everything switched off nothing of the account is required."""
    result = loaded(lines(*NO_EVENTS, *NO_IDENTITIES))

    assert result.destinations["web"].split.sdk_key is None
    assert not result.destinations["web"].sends_identities


@pytest.mark.parametrize("key", ["sdk_key", "admin_key", "workspace_id", "environment"])
def test_each_part_of_the_account_is_missed_by_itself(problems, key):
    """The one that is absent is reported, at the account."""
    parts = {"sdk_key": '"${SDK_KEY}"', "admin_key": '"${ADMIN_KEY}"', "workspace_id": "ws-1", "environment": "e"}
    del parts[key]
    account = ", ".join(f"{name}: {value}" for name, value in parts.items())

    result = problems(lines(f"    split: {{{account}}}"))

    assert result == [f"4:12: destinations.web.split.{key}: {FOR_EVENTS if key == 'sdk_key' else FOR_IDENTITIES}"]


def test_other_mistakes_hide_no_missing_key(problems):
    """An unknown key, a wrong type and missing keys of one destination are all reported in one run."""
    result = problems(
        lines("    trak: {}", "    track: {only: x}", "    identify: {mode: x}", "    split: {wrong: 1}")
    )

    assert [problem.partition(": ")[0] for problem in result] == ["4:5", "5:19", "6:22"] + ["7:12"] * 4 + ["7:13"]


@pytest.mark.parametrize(
    "wrong",
    [
        "track: {enabled: perhaps}",
        "split: ws-1",
        "split: [a]",
        "map_identities: 7",
        "identify: {identities: userId}",
    ],
)
def test_what_has_the_wrong_type_is_not_reported_a_second_time(problems, wrong):
    """A rule that can't be judged for a wrong type is left until that is fixed."""
    switches = NO_EVENTS[1:] + NO_IDENTITIES[1:] if wrong.startswith("track") else [*NO_EVENTS[:2], *NO_IDENTITIES]
    account = [] if wrong.startswith("split") else [DESTINATION.splitlines()[3]]

    result = problems(
        lines(f"    {wrong}", *account, *switches[: 0 if wrong.startswith(("identify", "track")) else None])
    )

    assert len(result) == 1


def test_identify_writes_only_what_is_mapped(problems):
    """Every path of identify.identities must stand in map_identities."""
    result = problems(
        DESTINATION
        + "    map_identities: {userId: user}\n    identify: {identities: [userId, anonymousId, a.b]}\n"
    )

    assert result == ["6:28: destinations.web.identify.identities: not in map_identities: anonymousId, a.b"]


def test_identify_is_judged_by_the_default_map_as_well(problems, loaded):
    """Without map_identities the paths are those that it has by default."""
    loaded(DESTINATION + "    identify: {identities: [anonymousId]}\n")

    result = problems(DESTINATION + "    identify: {identities: [groupId]}\n")

    assert result == ["5:28: destinations.web.identify.identities: not in map_identities: groupId"]


def test_mapped_traffic_types_are_listed_where_any_is(problems):
    """Every traffic type of map_identities must stand in split.traffic_types; case does not matter."""
    listed = DESTINATION.replace("workspace_id", "traffic_types: [User, account], workspace_id")

    result = problems(
        listed + "    map_identities: {userId: USER, anonymousId: anonymous, groupId: Account, x: other}\n"
    )

    assert result == [
        "5:49: destinations.web.map_identities.anonymousId: traffic type anonymous is not in split.traffic_types",
        "5:81: destinations.web.map_identities.x: traffic type other is not in split.traffic_types",
    ]


def test_traffic_types_count_in_lower_case(loaded):
    """Split compares them so; the mapping gets them lower-cased, and an empty list as not known."""
    listed = DESTINATION.replace("workspace_id", "traffic_types: [User], workspace_id")

    result = loaded(listed + "    map_identities: {userId: USER}\n").destinations["web"].rules

    assert result.traffic_types == frozenset({"user"})
    assert result.map_identities == {"userId": "user"}
    assert loaded(DESTINATION).destinations["web"].rules.traffic_types is None


def test_a_source_needs_tokens_and_a_write_key(problems):
    """An endpoint without a secret would be open, and without a write key nothing could be sent on."""
    result = problems("sources:\n  flags: {tokens: []}\n")

    assert result == [
        "2:10: sources.flags.write_key: is required",
        "2:19: sources.flags.tokens: must not be empty",
    ]


def test_what_is_given_reaches_the_settings(loaded):
    """Each part of a destination is found again where the rest of the service reads it."""
    text = DESTINATION.replace("workspace_id", "environment_name: prod, admin_header: x-api-key, workspace_id") + (
        "    write_keys: [w1]\n"
        "    identify: {identities: [userId]}\n"
        "    group: {enabled: false}\n"
        "    delete: {enabled: true}\n"
        "    track: {value: [properties.a, properties.b], only: [A*], except: []}\n"
        "    named_pages: {enabled: false}\n"
        '    named_screens: {event_type_id: "s_{name}"}\n'
    )

    web = loaded(text).destinations["web"]

    assert (web.write_keys, web.split.admin_header, web.rules.environment_name) == (("w1",), "x-api-key", "prod")
    assert (web.rules.identify.paths, web.rules.group_enabled, web.rules.delete_enabled) == (
        ("userId",),
        False,
        True,
    )
    assert web.rules.track.value == ("properties.a", "properties.b")
    assert (web.rules.track.included, web.rules.track.excluded) == (("A*",), ())
    assert (web.rules.named_pages.event_type_id, web.rules.named_pages.enabled) == ("view_{name}_page", False)
    assert (web.rules.named_screens.event_type_id, web.rules.named_screens.enabled) == ("s_{name}", True)


def test_a_single_path_or_none_is_a_list_of_paths(loaded):
    """track.value may be one path, or null for none."""
    one = loaded(DESTINATION + "    track: {value: properties.revenue}\n").destinations["web"].rules.track
    none = loaded(DESTINATION + "    track: {value: null}\n").destinations["web"].rules.track

    assert (one.value, none.value) == (("properties.revenue",), ())


def test_loading_twice_gives_equal_settings(loaded):
    """Settings are values: what is read again is equal, and nothing of the first is changed."""
    first = loaded(DESTINATION)

    again = loaded(DESTINATION)

    assert first == again
    assert first is not again


def test_a_destination_and_a_source_have_different_names(problems):
    """Their messages would be mixed up; the source's name is the place."""
    source = 'tokens: ["${SECRET}"], write_key: "${SDK_KEY}"'

    result = problems(f"{DESTINATION}sources: {{flags: {{{source}}}, web: {{{source}}}}}\n")

    assert result == ["5:68: web: is the name of a destination as well; give the source another"]
