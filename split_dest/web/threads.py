"""gunicorn's threaded worker, which says nothing of what it could not read."""

from typing import Any

from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.http.errors import (  # type: ignore[import-untyped]
    ExpectationFailed,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from split_dest import logs

_STATUSES = (
    (LimitRequestLine, 414, "URI Too Long"),
    (LimitRequestHeaders, 431, "Request Header Fields Too Large"),
    (ExpectationFailed, 417, "Expectation Failed"),
    (UnsupportedTransferCoding, 501, "Not Implemented"),
    (ParseException, 400, "Bad Request"),
)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Answers and logs a request that is no HTTP without quoting it: gunicorn's own words hold the bad part."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answers with gunicorn's statuses."""
        for kind, status, reason in _STATUSES:
            if isinstance(exc, kind):
                logs.warning("not_http", error=type(exc).__name__)
                util.write_error(client, status, reason, "")
                return
        super().handle_error(req, client, addr, exc)
