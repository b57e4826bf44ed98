"""The OpenAPI document: served, valid, complete, and silent about the settings."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import schemathesis
from flask.testing import FlaskClient

from split_dest.config.settings import Settings
from split_dest.segment.message import MessageSchema
from split_dest.web import create_app
from split_dest.web.openapi import document
from tests.support.door import TRACK, basic

ROOT = Path(__file__).parents[2]
METHODS = {"get", "post", "put", "patch"}


def listed() -> Iterator[tuple[str, int, str]]:
    """Gives each path, status and code that the document lists."""
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                for code in re.findall(r"^- `(\w+)`", answer["description"], re.MULTILINE):
                    yield path, int(status), code


def test_it_is_served_and_valid(client: FlaskClient) -> None:
    """What is served is OpenAPI by its own schema, whoever asks."""
    answer = client.get("/openapi.json")

    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json() == orjson.loads(orjson.dumps(document()))
    schemathesis.openapi.from_dict(answer.get_json()).validate()


def test_a_document_that_is_none_is_told() -> None:
    """The check above finds what is wrong."""
    wrong = document() | {"paths": {"/x": {"get": {"responses": []}}}}

    with pytest.raises(Exception, match="object"):
        schemathesis.openapi.from_dict(wrong).validate()


def test_every_address_of_the_application_stands_in_it(client: FlaskClient) -> None:
    """No door is left out, and none is invented."""
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint != "static"]
    # Beside the address with a variable, each destination has one of its own.
    rules = [rule for rule in rules if not rule.endpoint.startswith("webhook.receive_")]
    served = {(shape(rule.rule), method.lower()) for rule in rules for method in rule.methods or ()}
    documented = {
        (shape(path), method) for path, operations in document()["paths"].items() for method in operations
    }

    assert {pair for pair in served if pair[1] in METHODS} - {("/v1/pixel", "get")} == documented


def shape(path: str) -> str:
    """Gives a path with a star for each of its names."""
    return re.sub(r"<[^>]*>|{[^}]*}", "*", path)


def test_it_lists_the_codes_of_the_readme_and_of_the_page_of_reasons() -> None:
    """Each status and code of the README's table, and each code with which a door refuses a request."""
    rows = re.findall(r"^\| (\d+) \|([^|]*)\|", (ROOT / "README.md").read_text(), re.MULTILINE)
    promised = {(int(status), code) for status, cell in rows for code in re.findall(r"`(\w+)`", cell)}
    page = (ROOT / "docs/reasons.md").read_text().partition("The door refuses")[2].partition("\n## ")[0]
    refusals = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))

    assert len(promised) > 10
    assert promised <= {(status, code) for _, status, code in listed()}
    assert refusals <= {code for _, _, code in listed()} | {"method_not_allowed"}


def test_every_field_that_the_door_checks_is_explained() -> None:
    """The schema that checks messages is the one that is documented."""
    fields = document()["components"]["schemas"]["Message"]["properties"]

    assert set(MessageSchema().fields) <= set(fields)
    assert all(field["description"] for field in fields.values())


def test_it_tells_nothing_of_the_settings(client: FlaskClient, settings: Settings) -> None:
    """No name of a destination, no write key and no secret stands in it."""
    names = {"a-name-of-ours": settings.destinations["web"]}

    with create_app(replace(settings, destinations=names)).test_client() as other:
        text = other.get("/openapi.json").text

    assert text == client.get("/openapi.json").text
    assert "a-name-of-ours" not in text
    assert "the-old-one" not in text


@pytest.mark.parametrize(
    ("method", "path", "asked"),
    [
        ("POST", "/webhook/{destination}", "/webhook/web"),
        ("POST", "/v1/{call}", "/v1/track"),
        ("GET", "/readyz", "/readyz"),
        ("GET", "/metrics", "/metrics"),
    ],
)
def test_without_redis_the_answer_is_the_listed_503(
    settings: Settings, tmp_path: Path, method: str, path: str, asked: str
) -> None:
    """While Redis is away the doors say so in the documented words."""
    away = replace(settings, redis=replace(settings.redis, data_dir=str(tmp_path)))
    secret = basic("wk") if path.startswith("/v1/") else "the-old-one"

    with create_app(away).test_client() as client:
        answer = client.open(asked, method=method, json=TRACK, headers={"Authorization": secret})

    schemathesis.openapi.from_dict(document())[path][method].validate_response(answer)
    assert (path, answer.status_code, answer.get_json()["code"]) in set(listed())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
