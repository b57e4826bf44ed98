"""Warnings of check: settings that work and are almost surely wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from split_dest import config
from tests.config.conftest import DESTINATION

SECRETS = {"SECRET": "let-me-in-please", "SDK_KEY": "sdk-key-1", "ADMIN_KEY": "admin-key-1"}
SOURCE = 'sources:\n  flags: {tokens: ["${SECRET}"], write_key: "${SDK_KEY}", event: Flag Seen}\n'


@pytest.fixture
def warnings(tmp_path: Path) -> Callable[..., list[str]]:
    """Return the warnings about a text as ``line:column: text``; keywords are variables besides the usual ones."""

    def warn(text: str, **variables: str) -> list[str]:
        file = tmp_path / "settings.yaml"
        file.write_text(text)
        problems = config.check(file, SECRETS | variables)[1]
        return [f"{problem.line}:{problem.column}: {problem.text}" for problem in problems]

    return warn


@pytest.mark.parametrize("name", ["development", "production", "staging", "test"])
def test_the_settings_of_the_project_are_beyond_doubt(name):
    """They are copied, so they have no warning."""
    names = ["REDIS_URL", "SPLIT_SDK_KEY", "SPLIT_ADMIN_KEY", "SPLIT_WORKSPACE_ID", f"WEB_{name.upper()}_SECRET"]
    environ = dict.fromkeys(names, "redis://127.0.0.1")

    assert config.check(Path(f"config/{name}.yaml"), environ)[1] == []


IDENTITIES = "destinations.web.map_identities"
TRACK = "destinations.web.track"
SEGMENT = "is a path, and Segment's messages have no field"
CALLS = "is a path, and track calls have no field"
CLEAR_TEXT = "keys travel in clear text: use https"


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        (
            "    map_identities: {userID: user}",
            f'5:22: {IDENTITIES}.userID: {SEGMENT} "userID"; did you mean "userId"?',
        ),
        (
            "    map_identities: {userId: user, customer.id: account}",
            f'5:36: {IDENTITIES}.customer.id: {SEGMENT} "customer"',
        ),
        (
            "    map_identities: {user: userId}",
            f'5:22: {IDENTITIES}.user: is the wrong way round: write "userId: user"',
        ),
        (
            "    map_identities: {}",
            f"5:21: {IDENTITIES}: is empty: only ids of properties.split and traits.split are delivered",
        ),
        (
            "    identify: {identities: []}",
            "5:28: destinations.web.identify.identities: is empty: identify calls write no identity",
        ),
        (
            "    track: {event_type_id: name}",
            f'5:28: {TRACK}.event_type_id: {CALLS} "name"',
        ),
        (
            "    track: {event_type_id: Order Completed}",
            f'5:28: {TRACK}.event_type_id: {CALLS} "Order Completed"',
        ),
        (
            "    track: {value: [properties.total, property.revenue]}",
            f'5:39: {TRACK}.value: {CALLS} "property"; did you mean "properties"?',
        ),
        (
            "    track: {value: revenue}",
            f'5:20: {TRACK}.value: {CALLS} "revenue"',
        ),
        (
            "    exposures: {flag: experiment}",
            f'5:23: destinations.web.exposures.flag: {CALLS} "experiment"',
        ),
        (
            "    exposures: {treatment: treated}",
            f'5:28: destinations.web.exposures.treatment: {CALLS} "treated"',
        ),
        (
            '    track: {only: ["A*", "B"], except: [get_treatment, "A*"]}',
            f'5:56: {TRACK}.except: "A*" stands in only as well; except counts more',
        ),
        (
            "split: {events_url: http://split.example.com/api}",
            "5:21: split.events_url: keys travel in clear text: use https",
        ),
        ("split: {admin_url: http://10.0.0.7}", "5:20: split.admin_url: keys travel in clear text: use https"),
        ('segment: {url: "http://[2001:db8::1]/v1"}', "5:16: segment.url: keys travel in clear text: use https"),
    ],
)
def test_what_is_almost_surely_wrong_is_reported_where_it_stands(warnings, line, warning):
    """One warning, with line, column and the setting's name."""
    assert warnings(f"{DESTINATION}{line}\n") == [warning]


@pytest.mark.parametrize(
    "line",
    [
        "    map_identities: {userId: user, context.groupId: account, traits.email: user, properties.id: user}",
        "    map_identities: {groupId: account, previousId: user}\n    identify: {identities: [groupId]}",
        "    identify: {enabled: false, identities: []}",
        "    track: {event_type_id: properties.eventName, value: [properties.revenue, context.value]}",
        '    track: {only: ["A*"], except: [get_treatment, "AB"]}',
        "split: {events_url: http://127.0.0.1:8100/api, admin_url: http://localhost/api}",
        'segment: {url: "http://[::1]:8100/v1"}',
        "segment: {url: http://sandbox.localhost:8100/v1}",
        "segment: {url: https://segment.example.com/v1}",
    ],
)
def test_what_may_be_right_has_no_warning(warnings, line):
    """Warnings that are wrong would soon be ignored."""
    assert warnings(f"{DESTINATION}{line}\n") == []


SHORT = "the secret is blank or shorter than 8 characters"


@pytest.mark.parametrize("secret", [" ", "x", "1234567", "a               "])
def test_a_short_secret_is_reported_and_not_shown(warnings, secret):
    """Blank, or short enough to be guessed, at each place that it stands at."""
    text = (
        DESTINATION
        + '    signature_secrets: ["${SDK_KEY}", "${SHORT}"]\n'
        + 'sources: {flags: {tokens: ["${SHORT}"], write_key: "${SHORT}", event: get_treatment}}\n'
        + 'console: {password: "${SHORT}"}\n'
    )

    assert warnings(text, SHORT=secret) == [
        f"5:39: destinations.web.signature_secrets: {SHORT}",
        f"6:28: sources.flags.tokens: {SHORT}",
        f"6:52: sources.flags.write_key: {SHORT}",
        f"7:21: console.password: {SHORT}",
    ]


def test_a_short_key_is_reported(warnings):
    """Split's keys are secrets as well."""
    assert warnings(DESTINATION, SDK_KEY="x", ADMIN_KEY="y" * 8) == [
        f"4:22: destinations.web.split.sdk_key: {SHORT}"
    ]


@pytest.mark.parametrize(
    ("track", "place"),
    [("", "3:5"), ("    track: {enabled: true}\n", "5:12"), ("    track: {except: [A]}\n", "5:21")],
)
def test_impressions_that_come_back_as_events_are_reported(warnings, track, place):
    """At the list that should name them, or at what stands in the file of it."""
    text = 'does not name "Flag Seen": impressions of source flags may come back as events'

    assert warnings(DESTINATION + track + SOURCE) == [f"{place}: destinations.web.track.except: {text}"]


def test_impressions_that_are_kept_out_are_no_cause_for_a_warning(warnings):
    """Nor is a destination without track calls."""
    assert warnings(DESTINATION + '    track: {except: ["Flag *"]}\n' + SOURCE) == []
    assert warnings(DESTINATION + "    track: {enabled: false}\n" + SOURCE) == []


def test_a_destination_that_delivers_nothing_is_reported(warnings):
    """Every switch is off."""
    switches = ("identify", "group", "track", "named_pages", "named_screens")
    text = DESTINATION + "".join(f"    {name}: {{enabled: false}}\n" for name in switches)

    assert warnings(text) == ["3:5: destinations.web: every kind of call is switched off: nothing is delivered"]


def test_a_warning_about_an_optional_secret_stands_at_the_right_item(warnings):
    """An item that is left out moves no other."""
    text = DESTINATION + '    signature_secrets: ["${NOBODY:-}", "${SHORT}"]\n'

    assert warnings(text, SHORT="x") == [f"5:40: destinations.web.signature_secrets: {SHORT}"]
