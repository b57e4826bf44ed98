"""The job of the naive service, in a module without Flask: RQ's worker imports it again for each one."""

import os
from typing import Any

import urllib3

from split_dest.mapping import to_split
from split_dest.mapping.rules import Rules
from split_dest.segment import message

_RULES = Rules(map_identities={"userId": "user"})


def handle(received: dict[str, Any]) -> None:
    """Map a message as the service does, and post its events one by one."""
    for event in to_split(message.load(received), _RULES, 0).events:
        answer = urllib3.request("POST", os.environ["BENCH_SPLIT"] + "/events", json=event.to_json())
        if answer.status != 200:
            raise RuntimeError(answer.status)
