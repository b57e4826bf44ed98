"""Workers whose Redis is away or silent."""

import signal
from pathlib import Path

import pytest

from tests.chaos.ground import ground
from tests.support.service import worker_pids


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_workers_stay_while_redis_is_away_and_stop_on_sigterm(tmp_path: Path, how: signal.Signals) -> None:
    """No process dies, each tries again, and stopping does not wait for Redis."""
    with ground(tmp_path) as on:
        workers = on.service.start_workers()
        pids = worker_pids(workers.pid)

        on.redis.signal(how)
        on.service.wait_until(lambda: on.service.log("worker").count('"heartbeat_missed"') >= 4, 60)

        assert worker_pids(workers.pid) == pids
        assert on.service.stop() == [0]
        assert '"worker_killed"' not in on.service.log("worker")
