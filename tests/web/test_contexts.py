"""Requests that are answered at the same time have a context each."""

import io
from typing import Any

import flask
import gevent

from split_dest.config.settings import Settings
from split_dest.inbox.store import Store
from split_dest.web import create_app
from tests.support.endpoint import SECRET


class SlowBody(io.BytesIO):
    """A body that lets other requests go on while it is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return a piece, a moment later."""
        gevent.sleep(0.01)
        return super().read(size)


def _post(app: flask.Flask, number: int) -> Any:
    headers = {"Authorization": SECRET, "X-Number": str(number)}
    body = b'{"type":"track","event":"e","userId":"u"}'
    posted = {"input_stream": SlowBody(body), "content_length": len(body), "headers": headers}
    return app.test_client().post("/webhook/web", **posted)


def test_two_interleaved_requests_have_each_its_own_g(settings: Settings, store: Store) -> None:
    """What one of them keeps in Flask's ``g`` the other never sees."""
    app, seen = create_app(settings), list[tuple[str, str, str]]()
    # gevent measures from when its loop ran last, which in this process may be long ago.
    gevent.sleep(0.001)

    @app.before_request
    def keep() -> None:
        flask.g.kept = flask.request.headers["X-Number"]
        seen.append(("began", flask.g.kept, ""))

    @app.after_request
    def compare(answer: flask.Response) -> flask.Response:
        seen.append(("ended", flask.g.kept, flask.request.headers["X-Number"]))
        return answer

    asked = [gevent.spawn(_post, app, number) for number in range(2)]
    gevent.joinall(asked, timeout=10, raise_error=True)

    assert [answer.value.status_code for answer in asked] == [200, 200]
    assert [event for event, _, _ in seen] == ["began", "began", "ended", "ended"]
    assert [(kept, sent) for event, kept, sent in seen if event == "ended" and kept != sent] == []
