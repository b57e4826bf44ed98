"""Lets pages of any origin call the Tracking API and read its answers, as Segment does."""

from flask import Response, request

_BELOW = "/v1/"
#: The headers of Segment's browser SDK. ``*`` would not include ``Authorization``.
_HEADERS = ("Authorization", "Content-Type", "X-Retry-Count")
_DAY_SECONDS = 86_400


def allow(response: Response) -> Response:
    """Add the CORS headers to a response of the Tracking API.

    Source:
        Fetch standard, CORS protocol; analytics-next, plugins/segmentio (headers sent and read).
    """
    if not request.path.startswith(_BELOW):
        return response
    origin = request.headers.get("Origin")
    response.headers["Access-Control-Allow-Origin"] = origin or "*"
    response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-RateLimit-Reset"
    if origin:
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.vary.add("Origin")
    if request.method == "OPTIONS":
        asked = request.headers.get("Access-Control-Request-Headers")
        response.status_code = 204
        response.set_data(b"")
        response.headers["Access-Control-Allow-Methods"] = "POST, GET, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = ", ".join((*_HEADERS, asked) if asked else _HEADERS)
        response.headers["Access-Control-Max-Age"] = str(_DAY_SECONDS)
    return response
