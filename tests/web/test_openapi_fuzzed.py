"""The endpoints against their own document: schemathesis thinks up requests, and no answer is unlisted."""

import os
from dataclasses import replace

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection, positive_data_acceptance

from split_dest.config.settings import Secret, Settings, Source
from split_dest.inbox.store import Store
from split_dest.web import create_app
from split_dest.web.health import OPENAPI
from tests.support.endpoint import basic

#: A few in the suite; `make fuzz` asks for more.
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "5"))
#: The document is the same for all settings, so it needs no application to be read from.
DOCUMENT = schemathesis.openapi.from_path(OPENAPI)
#: The requests are thought up before there is a Redis, so the application comes later.
RUNNING: dict[str, Flask] = {}
DOCUMENT.app = lambda environ, start: RUNNING["app"](environ, start)
#: PUT and PATCH at the webhook do what POST does.
OPERATIONS = DOCUMENT.exclude(method=["PUT", "PATCH"])
NAMES = {"destination": "web", "source": "flags"}
SECRETS = {"token": "the-old-one", "writeKey": "wk"}
#: The endpoints are lenient on purpose: of a message that is not as documented they take or keep what they can.
LENIENT = [negative_data_rejection]

fuzzed = settings(max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def _running(settings: Settings, store: Store) -> None:
    """The application behind the document, with a source as well; what comes twice is stored twice."""
    source = Source(tokens=(Secret(SECRETS["token"]),))
    intake = replace(settings.intake, dedupe_hours=0)
    RUNNING["app"] = create_app(replace(settings, intake=intake, sources={"flags": source}))


@OPERATIONS.parametrize()
@settings(fuzzed, phases=[Phase.generate])
def test_strangers_are_kept_out_as_documented(case: Case) -> None:
    """Whoever knows the names, but no secret, hears only what the document lists, and never stores anything."""
    case.path_parameters = case.path_parameters and {**case.path_parameters, **named(case, NAMES)}

    case.call_and_validate(excluded_checks=LENIENT)


@OPERATIONS.parametrize()
@fuzzed
def test_senders_are_answered_as_documented(case: Case) -> None:
    """Who shows the secret is answered as listed, whatever the body; what is as documented is not set aside."""
    case.path_parameters = case.path_parameters and {**case.path_parameters, **named(case, NAMES | SECRETS)}
    secret = basic(SECRETS["writeKey"]) if case.path.startswith("/v1/") else SECRETS["token"]

    answer = case.call_and_validate(
        # The right secret opens beside a wrong one; a documented message may still lack an id or event.
        headers={"Authorization": secret},
        excluded_checks=[*LENIENT, ignored_auth, positive_data_acceptance],
    )

    if case.meta.generation.mode.is_positive and case.path.startswith(("/webhook", "/impressions")):
        assert (answer.status_code, answer.json()["set_aside"]) == (200, 0)


def named(case: Case, known: dict[str, str]) -> dict[str, str]:
    """Return what is known of a request's address."""
    return {name: known[name] for name in case.path_parameters if name in known}
