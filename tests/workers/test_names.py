"""What a worker is called."""

from split_dest.config.settings import Settings
from workers import runtime


def test_a_host_and_process_that_come_again_are_another_worker() -> None:
    """A container that is started again has its old host and process: RQ would refuse its old worker's name."""
    before = runtime.begin(Settings())

    after = runtime.begin(Settings())

    assert before.name != after.name
