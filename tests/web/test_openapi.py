"""The OpenAPI document: served, valid, complete, and as the code is."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from flask.testing import FlaskClient

from split_dest import __version__
from split_dest.config.settings import Settings
from split_dest.errors import REASONS
from split_dest.numbers import EXACT_BELOW
from split_dest.segment.message import MessageSchema
from split_dest.segment.tracking import KINDS
from split_dest.split import limits
from split_dest.web import create_app
from split_dest.web.health import OPENAPI
from tests.support.endpoint import TRACK, basic

ROOT = Path(__file__).parents[2]
METHODS = {"get", "post", "put", "patch"}
DOCUMENT: dict[str, Any] = yaml.safe_load(OPENAPI.read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each path, method and operation of the document."""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


def listed() -> Iterator[tuple[str, int, str]]:
    """Yield each path, status and code that the document lists."""
    for path, _, operation in operations():
        for status, answer in operation["responses"].items():
            if "$ref" in answer:
                answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
            for kind in answer["content"].values():
                for part in kind["schema"].get("allOf", [])[1:]:
                    yield from ((path, int(status), code) for code in part["properties"]["code"]["enum"])


def test_it_is_served_as_it_is_and_valid(client: FlaskClient) -> None:
    """The served document is valid OpenAPI, is the file itself, and names this version."""
    answer = client.get("/openapi.yaml")

    assert (answer.status_code, answer.mimetype) == (200, "application/yaml")
    assert answer.data == OPENAPI.read_bytes()
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert DOCUMENT["info"]["version"] == __version__


def test_a_document_that_is_none_is_told() -> None:
    """The check above finds what is wrong."""
    wrong = DOCUMENT | {"paths": {"/x": {"get": {"responses": []}}}}

    with pytest.raises(Exception, match="object"):
        schemathesis.openapi.from_dict(wrong).validate()


def test_every_address_of_the_application_stands_in_it(client: FlaskClient) -> None:
    """No address is left out, and none is invented."""
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.endpoint != "static"]
    served = {(shape(rule.rule), method.lower()) for rule in rules for method in rule.methods or ()}
    documented = {(shape(path), method) for path, method, _ in operations()}

    assert {pair for pair in served if pair[1] in METHODS} - {("/v1/pixel", "get")} == documented


def shape(path: str) -> str:
    """Return a path with a star for each of its names."""
    return re.sub(r"<[^>]*>|{[^}]*}", "*", path)


def test_it_lists_the_codes_of_the_readme_and_of_the_page_of_reasons() -> None:
    """Each status and code of the README's table, and each code with which an endpoint refuses a request."""
    rows = re.findall(r"^\| (\d+) \|([^|]*)\|", (ROOT / "README.md").read_text(), re.MULTILINE)
    promised = {(int(status), code) for status, cell in rows for code in re.findall(r"`(\w+)`", cell)}
    page = (ROOT / "docs/reasons.md").read_text().partition("## Refused requests")[2].partition("\n## ")[0]
    refusals = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    codes = {code for _, _, code in listed()}

    assert len(promised) > 10
    assert promised <= {(status, code) for _, status, code in listed()}
    assert refusals <= codes | {"method_not_allowed"}
    assert codes <= set(REASONS)


def test_it_says_what_the_code_checks() -> None:
    """The fields and limits of the document are those of the schemas that check messages, and of Split."""
    impression = SCHEMAS["Impression"]["properties"]
    call = next(item["parameters"][0] for path, item in DOCUMENT["paths"].items() if path == "/v1/{call}")

    assert set(MessageSchema().fields) <= set(SCHEMAS["Message"]["properties"])
    assert (SCHEMAS["Id"]["minimum"], SCHEMAS["Id"]["maximum"]) == (1 - EXACT_BELOW, EXACT_BELOW - 1)
    assert impression["key"]["maxLength"] == limits.KEY_MAX_CHARS
    assert impression["time"]["maximum"] == limits.TIME_END_MS - 1
    assert set(call["schema"]["enum"]) == set(KINDS)


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
    """While Redis is away the endpoints say so in the documented words."""
    away = replace(settings, redis=replace(settings.redis, data_dir=str(tmp_path)))
    secret = basic("wk") if path.startswith("/v1/") else "the-old-one"

    with create_app(away).test_client() as client:
        answer = client.open(asked, method=method, json=TRACK, headers={"Authorization": secret})

    schemathesis.openapi.from_dict(DOCUMENT)[path][method].validate_response(answer)
    assert (path, answer.status_code, answer.get_json()["code"]) in set(listed())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
