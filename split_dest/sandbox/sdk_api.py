"""What SDKs ask and tell besides: the flags, and telemetry, which nobody reads here.

Source: reference split.md, section 6.
"""

from typing import Any

from flask import Blueprint, Response, request

from split_dest.sandbox.access import require_sdk_key
from split_dest.sandbox.answers import Refused, answer
from split_dest.sandbox.catalogue import CHANGE_NUMBER, FLAGS, Flag

blueprint = Blueprint("sdk_api", __name__, url_prefix="/api")
blueprint.before_request(require_sdk_key)


@blueprint.get("/splitChanges")
def flags() -> Response:
    """Return the flags changed after ``since``, in the form of the SDKs' spec 1.3."""
    since, segments_since = _number("since"), _number("rbSince")
    changed = [_definition(flag) for flag in FLAGS] if since < CHANGE_NUMBER else []
    return answer(
        {
            "ff": {"s": since, "t": max(since, CHANGE_NUMBER), "d": changed},
            "rbs": {"s": segments_since, "t": segments_since, "d": []},
        }
    )


@blueprint.get("/v2/auth")
def streaming() -> Response:
    """Tell the SDK that there is no streaming; it then polls."""
    return answer({"pushEnabled": False, "token": ""})


@blueprint.post("/testImpressions/count")
@blueprint.post("/v1/metrics/config")
@blueprint.post("/v1/metrics/usage")
@blueprint.post("/v1/keys/ss")
def swallow() -> Response:
    """Take it, and keep nothing."""
    return Response(status=200)


def _number(name: str) -> int:
    try:
        return int(request.args.get(name, -1))
    except ValueError as error:
        raise Refused(400, f"{name} must be a number") from error


def _definition(flag: Flag) -> dict[str, Any]:
    return {
        "name": flag.name,
        "trafficTypeName": flag.traffic_type,
        "changeNumber": CHANGE_NUMBER,
        "status": "ACTIVE",
        "killed": False,
        "defaultTreatment": flag.other,
        "algo": 2,
        "seed": 1,
        "trafficAllocation": 100,
        "trafficAllocationSeed": 1,
        "configurations": {},
        "sets": [],
        "conditions": [_everybody(flag)],
    }


def _everybody(flag: Flag) -> dict[str, Any]:
    return {
        "conditionType": "ROLLOUT",
        "label": "default rule",
        "matcherGroup": {"combiner": "AND", "matchers": [{"matcherType": "ALL_KEYS", "negate": False}]},
        "partitions": [{"treatment": flag.treatment, "size": 100}, {"treatment": flag.other, "size": 0}],
    }
