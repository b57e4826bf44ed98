"""The look-ups of Split's Admin API: workspaces, environments, traffic types, flags.

Source: reference split.md, section 3.
"""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, request

from split_dest.sandbox.access import require_admin_key
from split_dest.sandbox.answers import Refused, answer, read_json
from split_dest.sandbox.catalogue import (
    CHANGE_NUMBER,
    ENVIRONMENTS,
    FLAGS,
    WORKSPACE_ID,
    WORKSPACE_NAME,
    Flag,
    TrafficType,
)
from split_dest.sandbox.state import current

PAGE_DEFAULT = 20
PAGE_MAX = 50

blueprint = Blueprint("admin_api", __name__, url_prefix="/internal/api/v2")
blueprint.before_request(require_admin_key)


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
    return answer([_traffic_type(known) for known in current().catalogue.traffic_types()])


@blueprint.post("/trafficTypes/ws/<workspace>")
def new_traffic_type(workspace: str) -> Response:
    """Create the traffic type of that ``name``: 200, or 409 when there is one."""
    _require_workspace(workspace)
    given = read_json(request.get_data())
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise Refused(400, "name must be a string, not blank")
    created = current().catalogue.add_traffic_type(name)
    if created is None:
        raise Refused(409, "there is such a traffic type")
    return answer(_traffic_type(created))


@blueprint.get("/splits/ws/<workspace>")
def flags(workspace: str) -> Response:
    """Return a page of the flags of *workspace*."""
    _require_workspace(workspace)
    ids = {known.name: known for known in current().catalogue.traffic_types()}
    return _page([_flag(flag, ids[flag.traffic_type]) for flag in FLAGS])


def _require_workspace(workspace: str) -> None:
    if workspace != WORKSPACE_ID:
        raise Refused(404, "no such workspace")


def _traffic_type(known: TrafficType) -> dict[str, str]:
    return {"id": known.id, "name": known.name, "displayAttributeId": "name"}


def _flag(flag: Flag, traffic_type: TrafficType) -> dict[str, Any]:
    return {
        "id": f"flag-{flag.name}",
        "name": flag.name,
        "description": "",
        "trafficType": {"id": traffic_type.id, "name": traffic_type.name},
        "creationTime": CHANGE_NUMBER,
        "tags": [],
    }


def _page(objects: list[dict[str, Any]]) -> Response:
    limit, offset = min(_number("limit", PAGE_DEFAULT), PAGE_MAX), _number("offset", 0)
    page = objects[offset : offset + limit]
    return answer({"objects": page, "offset": offset, "limit": limit, "totalCount": len(objects)})


def _number(name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not text.isdecimal():
        raise Refused(400, f"{name} must be a number, not negative")
    return int(text)
