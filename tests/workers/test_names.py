"""What a worker is called."""

from split_dest.config.settings import Settings
from workers import runtime


def test_a_restarted_container_is_another_worker() -> None:
    """It has its old host name and process id, and RQ would refuse its old worker's name."""
    before = runtime.start(Settings())

    after = runtime.start(Settings())

    assert before.name != after.name
