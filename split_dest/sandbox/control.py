"""The sandbox's own endpoints, without keys: what arrived, and faults."""

from typing import Any

from flask import Blueprint, Response, request

from split_dest.sandbox.api import ApiError, answer, broken_rules, query_number, read_json
from split_dest.sandbox.faults import FAULT
from split_dest.sandbox.state import KINDS, current

SERVED = {
    "Split, events and SDK": "/api",
    "Split, Admin API": "/internal/api/v2",
    "Segment, Tracking API": "/v1",
    "what arrived": "/_sandbox/received?kind=" + "|".join(KINDS),
    "how many": "/_sandbox/counts",
    "calls": "/_sandbox/calls",
    "faults": "/_sandbox/faults",
}

blueprint = Blueprint("control", __name__)


@blueprint.get("/")
def index() -> Response:
    """Return what is served where."""
    return answer({"sandbox": SERVED})


@blueprint.get("/_sandbox/received")
def received() -> Response:
    """Return the records of one ``kind``, newest last; ``since`` (ms) and ``limit`` (the newest n) narrow them."""
    kind = request.args.get("kind")
    if kind not in KINDS:
        raise ApiError(400, "kind must be one of " + ", ".join(KINDS))
    records = current().received.newest(kind, query_number("since", 0), query_number("limit", None))
    return Response(b"[" + b",".join(records) + b"]", mimetype="application/json")


@blueprint.delete("/_sandbox/received")
def clear_received() -> Response:
    """Forget records, counts and identities; faults and traffic types stay."""
    current().received.clear()
    current().workspace.clear_identities()
    return Response(status=204)


@blueprint.get("/_sandbox/counts")
def counts() -> Response:
    """Return how many records of each kind arrived, and calls by API and status."""
    return answer(current().received.counts())


@blueprint.get("/_sandbox/calls")
def calls() -> Response:
    """Return the newest calls: API, outcome, when each arrived and was answered, and which fault applied."""
    return answer(current().received.calls())


@blueprint.get("/_sandbox/faults")
def faults() -> Response:
    """Return the active faults, with what is left of their times and seconds."""
    return answer(current().faults.to_json())


@blueprint.put("/_sandbox/faults")
def replace_faults() -> Response:
    """Replace all faults by those in the body, one or an array; 400 names all their problems."""
    body = read_json(request.get_data())
    new: list[Any] = body if isinstance(body, list) else [body]
    broken = broken_rules(FAULT, new)
    problems = [f"fault {index}: {rule}" for index, rules in broken.items() for rule in rules]
    if problems:
        raise ApiError(400, "; ".join(problems), problems=problems)
    current().faults.replace(new)
    return faults()


@blueprint.delete("/_sandbox/faults")
def clear_faults() -> Response:
    """End all faults."""
    current().faults.replace([])
    return Response(status=204)
