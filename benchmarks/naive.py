"""What one would write in an afternoon: an RQ job for each message, and a call to Split for each event."""

import hmac
import os
from typing import Any

import redis
import urllib3
from flask import Flask, request
from rq import Queue

from split_dest.mapping import to_split
from split_dest.mapping.rules import Rules
from split_dest.segment import message

_RULES = Rules(map_identities={"userId": "user"})


def create_app() -> Flask:
    """Gives the application."""
    app, secret = Flask(__name__), os.environ["BENCH_SECRET"].encode()
    queue = Queue(connection=redis.Redis.from_url(os.environ["BENCH_REDIS"]))

    @app.post("/webhook/web")
    def receive() -> tuple[str, int]:
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), secret):
            return "", 401
        queue.enqueue(handle, request.get_json())
        return "", 200

    return app


def handle(received: dict[str, Any]) -> None:
    """Maps a message as the service does, and posts its events one by one."""
    for event in to_split(message.load(received), _RULES, 0).events:
        answer = urllib3.request("POST", os.environ["BENCH_SPLIT"] + "/events", json=event.to_json())
        if answer.status != 200:
            raise RuntimeError(answer.status)
