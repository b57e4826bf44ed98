"""Split's Admin API: look-ups, and identities.

Source:
    docs.split.io, reference/authentication, traffic-types-overview, save-identity, save-identities,
    update-identity and attributes-overview; Harness FME, integrations/segment (255 characters a value);
    python-api, main/ (environment, identity, split, traffic type and workspace microclients).
"""

import re
from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

from flask import Blueprint, Response, g, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from split_dest.sandbox.api import (
    NOT_BLANK,
    ApiError,
    Key,
    Record,
    answer,
    bearer_token,
    broken_rules,
    query_number,
    read_array,
    read_json,
)
from split_dest.sandbox.state import current
from split_dest.sandbox.workspace import (
    CHANGE_NUMBER,
    ENVIRONMENTS,
    FLAGS,
    WORKSPACE_ID,
    WORKSPACE_NAME,
    FeatureFlag,
    Scope,
    TrafficType,
    find_environment,
)

PAGE_DEFAULT = 20
PAGE_MAX = 50
MAX_IDENTITIES = 100
ATTRIBUTE_ID = re.compile(r"[a-zA-Z][-_a-zA-Z0-9]{0,199}")
MAX_ATTRIBUTE_CHARS = 255
IDENTITIES_PATH = "/trafficTypes/<traffic_type>/environments/<environment>/identities"

blueprint = Blueprint("admin_api", __name__, url_prefix="/internal/api/v2")


@blueprint.before_request
def require_admin_key() -> None:
    """Let the call through when it shows the Admin API key, as a Bearer token or in ``x-api-key``.

    Raises:
        ApiError: 401.
    """
    if current().keys.admin_key not in (bearer_token(), request.headers.get("x-api-key")):
        raise ApiError(401, "the Admin API key is missing or wrong")


@blueprint.get("/workspaces")
def workspaces() -> Response:
    """Return a page of workspaces; there is one."""
    return _page([{"id": WORKSPACE_ID, "name": WORKSPACE_NAME, "requiresTitleAndComments": False}])


@blueprint.get("/environments/ws/<workspace>")
def environments(workspace: str) -> Response:
    """Return the environments of *workspace*."""
    _require_workspace(workspace)
    return answer([asdict(environment) for environment in ENVIRONMENTS])


@blueprint.get("/trafficTypes/ws/<workspace>")
def traffic_types(workspace: str) -> Response:
    """Return the traffic types of *workspace*."""
    _require_workspace(workspace)
    return answer([_traffic_type(traffic_type) for traffic_type in current().workspace.traffic_types()])


class TrafficTypeSchema(Schema):
    """A traffic type that is to be created."""

    class Meta:
        unknown = EXCLUDE

    error_messages = {"type": "name must be a string, not blank"}  # noqa: RUF012 (marshmallow's own form)

    name = fields.String(required=True, validate=NOT_BLANK, metadata={"must_be": "a string, not blank"})


TRAFFIC_TYPE = TrafficTypeSchema()


@blueprint.post("/trafficTypes/ws/<workspace>")
def create_traffic_type(workspace: str) -> Response:
    """Create the traffic type of that ``name``: 200, or 409 when there is one."""
    _require_workspace(workspace)
    body = read_json(request.get_data())
    for rules in broken_rules(TRAFFIC_TYPE, [body]).values():
        raise ApiError(400, rules[0])
    created = current().workspace.add_traffic_type(body["name"])
    if created is None:
        raise ApiError(409, "there is such a traffic type")
    return answer(_traffic_type(created))


@blueprint.get("/splits/ws/<workspace>")
def flags(workspace: str) -> Response:
    """Return a page of the flags of *workspace*."""
    _require_workspace(workspace)
    by_name = {traffic_type.name: traffic_type for traffic_type in current().workspace.traffic_types()}
    return _page([_flag(flag, by_name[flag.traffic_type]) for flag in FLAGS])


def _require_workspace(workspace: str) -> None:
    if workspace != WORKSPACE_ID:
        raise ApiError(404, "no such workspace")


def _traffic_type(traffic_type: TrafficType) -> Record:
    return {"id": traffic_type.id, "name": traffic_type.name, "displayAttributeId": "name"}


def _flag(flag: FeatureFlag, traffic_type: TrafficType) -> Record:
    return {
        "id": f"flag-{flag.name}",
        "name": flag.name,
        "description": "",
        "trafficType": {"id": traffic_type.id, "name": traffic_type.name},
        "creationTime": CHANGE_NUMBER,
        "tags": [],
    }


def _page(objects: list[Record]) -> Response:
    limit, offset = min(query_number("limit", PAGE_DEFAULT), PAGE_MAX), query_number("offset", 0)
    page = objects[offset : offset + limit]
    return answer({"objects": page, "offset": offset, "limit": limit, "totalCount": len(objects)})


class IdentitySchema(Schema):
    """An identity."""

    error_messages = {"type": "an identity is an object"}  # noqa: RUF012 (marshmallow's own form)

    key = Key(required=True)
    values = fields.Dict(required=True, metadata={"must_be": "an object"})
    trafficTypeId = fields.Raw(allow_none=True)
    environmentId = fields.Raw(allow_none=True)

    @validates_schema(skip_on_field_errors=False)
    def check_values(self, identity: Record, **_: object) -> None:
        """Check the names and the values of the attributes."""
        values = identity.get("values", {})
        if not all(map(ATTRIBUTE_ID.fullmatch, values)):
            raise ValidationError(f"values must be named like {ATTRIBUTE_ID.pattern}")
        if any(value is None or isinstance(value, dict | list) for value in values.values()):
            raise ValidationError("values must be strings, numbers or booleans")
        if any(isinstance(value, str) and len(value) > MAX_ATTRIBUTE_CHARS for value in values.values()):
            raise ValidationError(f"values must be free of strings over {MAX_ATTRIBUTE_CHARS} characters")


IDENTITY = IdentitySchema()


@blueprint.post(IDENTITIES_PATH)
def save_identities(traffic_type: str, environment: str) -> Response:
    """Create or overwrite up to 100 identities; those that break a rule are listed in ``failed``."""
    scope = _scope(traffic_type, environment)
    identities = read_array(request.get_data())
    if len(identities) > MAX_IDENTITIES:
        raise ApiError(400, f"more than {MAX_IDENTITIES} identities")
    failed = _failed(scope, identities)
    saved = [identity for index, identity in enumerate(identities) if index not in failed]
    for identity in saved:
        current().workspace.save_identity(scope, identity["key"], identity["values"])
    _record("POST", scope, saved)
    objects = [_identity(scope, identity["key"], identity["values"]) for identity in saved]
    return answer({"objects": objects, "failed": list(failed.values()), "metadata": {}})


def _failed(scope: Scope, identities: list[Any]) -> dict[int, Record]:
    failing = g.fault.failing_keys() if g.fault else {}
    broken = _broken_rules(scope, identities)
    failed = {}
    for index, identity in enumerate(identities):
        if index in broken:
            failed[index] = {"object": identity, "status": 400, "message": broken[index]}
        elif identity["key"] in failing:
            status = failing[identity["key"]]
            failed[index] = {"object": identity, "status": status, "message": "a fault was asked for"}
    return failed


def _broken_rules(scope: Scope, identities: list[Any]) -> dict[int, str]:
    broken = {index: rules[0] for index, rules in broken_rules(IDENTITY, identities).items()}
    for index, identity in enumerate(identities):
        if index not in broken and any(identity.get(name, id_) != id_ for name, id_ in _ids(scope).items()):
            broken[index] = "trafficTypeId and environmentId must be those in the path"
    return broken


@blueprint.put(f"{IDENTITIES_PATH}/<key>")
def save_identity(traffic_type: str, environment: str, key: str) -> Response:
    """Create or overwrite one identity."""
    scope = _scope(traffic_type, environment)
    identity = _read_identity(scope, unquote(key))
    current().workspace.save_identity(scope, identity["key"], identity["values"])
    _record("PUT", scope, [identity])
    return answer(_identity(scope, identity["key"], identity["values"]))


@blueprint.patch(f"{IDENTITIES_PATH}/<key>")
@blueprint.post(f"{IDENTITIES_PATH}/<key>/patch")
def update_identity(traffic_type: str, environment: str, key: str) -> Response:
    """Overwrite these values of one identity and leave the others; 404 when it does not exist.

    The second route is the older name, which Split's own client still calls.
    """
    scope = _scope(traffic_type, environment)
    identity = _read_identity(scope, unquote(key))
    values = current().workspace.update_identity(scope, identity["key"], identity["values"])
    if values is None:
        raise ApiError(404, "no such identity")
    _record("PATCH", scope, [identity])
    return answer(_identity(scope, identity["key"], values))


@blueprint.delete(f"{IDENTITIES_PATH}/<key>")
def delete_identity(traffic_type: str, environment: str, key: str) -> Response:
    """Remove one identity: 204, or 404 when it does not exist."""
    scope = _scope(traffic_type, environment)
    if not current().workspace.delete_identity(scope, unquote(key)):
        raise ApiError(404, "no such identity")
    _record("DELETE", scope, [{"key": unquote(key), "values": {}}])
    return Response(status=204)


@blueprint.get(f"{IDENTITIES_PATH}/<key>")
def identity(traffic_type: str, environment: str, key: str) -> Response:
    """Return one identity, for inspection; Split itself documents no such call."""
    scope = _scope(traffic_type, environment)
    values = current().workspace.identity(scope, unquote(key))
    if values is None:
        raise ApiError(404, "no such identity")
    return answer(_identity(scope, unquote(key), values))


def _scope(traffic_type_id: str, environment_id: str) -> Scope:
    traffic_type = current().workspace.traffic_type(unquote(traffic_type_id))
    environment = find_environment(unquote(environment_id))
    if traffic_type is None:
        raise ApiError(404, "no such traffic type")
    if environment is None:
        raise ApiError(404, "no such environment")
    return Scope(traffic_type, environment)


def _read_identity(scope: Scope, key: str) -> Record:
    identity = read_json(request.get_data())
    rule = _broken_rules(scope, [identity]).get(0)
    if rule is None and identity["key"] != key:
        rule = "key must be the key in the path"
    if rule is not None:
        raise ApiError(400, rule, rule=rule)
    return dict(identity)


def _ids(scope: Scope) -> dict[str, str]:
    return {"trafficTypeId": scope.traffic_type.id, "environmentId": scope.environment.id}


def _identity(scope: Scope, key: str, values: Record) -> Record:
    return {**_ids(scope), "key": key, "values": values}


def _record(method: str, scope: Scope, identities: list[Record]) -> None:
    names = {"trafficType": scope.traffic_type.name, "environment": scope.environment.name}
    where = {"method": method, **_ids(scope), **names}
    records = [{**where, "key": identity["key"], "values": identity["values"]} for identity in identities]
    current().received.add("identities", records)
