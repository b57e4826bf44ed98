"""The sandbox's own door, without keys: what arrived, and how to misbehave."""

from typing import Any

from flask import Blueprint, Response, request

from split_dest.sandbox import fault_rules
from split_dest.sandbox.answers import Refused, answer, read_json
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
        raise Refused(400, "kind must be one of " + ", ".join(KINDS))
    records = current().received.newest(kind, _number("since") or 0, _number("limit"))
    return Response(b"[" + b",".join(records) + b"]", mimetype="application/json")


@blueprint.delete("/_sandbox/received")
def forget() -> Response:
    """Forget records, counts and identities; faults and traffic types stay."""
    current().received.clear()
    current().identities.clear()
    return Response(status=204)


@blueprint.get("/_sandbox/counts")
def counts() -> Response:
    """Return how many records of each kind arrived, and calls by API and status."""
    return answer(current().received.counts())


@blueprint.get("/_sandbox/calls")
def calls() -> Response:
    """Return the newest calls: API, outcome, when each came and was answered, and which fault it met."""
    return answer(current().received.last_calls())


@blueprint.get("/_sandbox/faults")
def faults() -> Response:
    """Return the active faults, with what is left of their times and seconds."""
    return answer(current().faults.shown())


@blueprint.put("/_sandbox/faults")
def replace_faults() -> Response:
    """Let the faults in the body, one or an array, take the place of all others; 400 names all their problems."""
    data = read_json(request.get_data())
    given: list[Any] = data if isinstance(data, list) else [data]
    problems = [
        f"fault {at}: {problem}" for at, fault in enumerate(given) for problem in fault_rules.problems(fault)
    ]
    if problems:
        raise Refused(400, "; ".join(problems), problems=problems)
    current().faults.replace((fault_rules.parse(fault), fault) for fault in given)
    return faults()


@blueprint.delete("/_sandbox/faults")
def clear_faults() -> Response:
    """End all faults."""
    current().faults.replace([])
    return Response(status=204)


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise Refused(400, f"{name} must be a number, not negative")
    return int(text)
