"""Records in Split's field names."""

import pytest

from split_dest.split.records import Event, Identity


@pytest.mark.parametrize(
    ("environment_name", "extra"), [(None, {}), ("Prod-Default", {"environmentName": "Prod-Default"})]
)
def test_an_event_has_splits_names(environment_name: str | None, extra: dict[str, str]):
    """A missing value is sent as null, as Split's clients do; an environment's name only when it is configured."""
    event = Event("signup", "user", "u1", 1572534218971, None, {"plan": "pro"}, environment_name)

    assert event.to_json() == {
        "eventTypeId": "signup",
        "trafficTypeName": "user",
        "key": "u1",
        "timestamp": 1572534218971,
        "value": None,
        "properties": {"plan": "pro"},
        **extra,
    }


def test_an_identity_has_splits_names():
    """An identity's time is not sent; it only orders identities."""
    identity = Identity("account", "a1", {"plan": "pro"}, 1572534218971)

    assert identity.to_json() == {"trafficType": "account", "key": "a1", "values": {"plan": "pro"}}
