"""The rules of a destination whose settings say nothing."""

from split_dest.mapping import rules


def test_the_defaults_are_those_of_the_settings():
    """Each is what the settings' contract shows, and what Split takes at most."""
    assert rules.Rules() == rules.Rules(
        map_identities={"userId": "user", "anonymousId": "anonymous"},
        traffic_types=None,
        environment_name=None,
        identify=rules.Identify(enabled=True, mode="merge", paths=("userId", "anonymousId")),
        group_enabled=True,
        delete_enabled=False,
        track=rules.Track(
            enabled=True,
            event_type_id="event",
            value=(),
            numeric_strings=True,
            included=(),
            excluded=("get_treatment",),
        ),
        named_pages=rules.Named("view_{name}_page", enabled=True),
        named_screens=rules.Named("viewed_{name}_screen", enabled=True),
        event_type_ids=rules.EventTypeIds(invalid="sanitize", max_length=80),
        attributes=rules.Attributes(nested="json", max_length=255),
        properties=rules.Properties(nested="flatten", max_length=256, max_count=300),
        exposures=rules.Exposures(
            enabled=False,
            event="Experiment Viewed",
            flag="properties.experiment_name",
            treatment="properties.variation_name",
        ),
    )
