"""What one would write in an afternoon: an RQ job for each message, and a call to Split for each event."""

import hmac
import os

import redis
from flask import Flask, request
from rq import Queue

from benchmarks.naive_job import handle


def create_app() -> Flask:
    """Return the application."""
    app, secret = Flask(__name__), os.environ["BENCH_SECRET"].encode()
    queue = Queue(connection=redis.Redis.from_url(os.environ["BENCH_REDIS"]))

    @app.post("/webhook/web")
    def receive() -> tuple[str, int]:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), secret):
            return "", 401
        queue.enqueue(handle, request.get_json())
        return "", 200

    return app
