"""Pages that anybody can reach cost little, however many ask."""

from flask.testing import FlaskClient

from split_dest.inbox.store import Store


def test_many_scrapes_within_a_second_read_redis_once(client: FlaskClient, store: Store) -> None:
    """The text of the first one answers the others."""

    def reads() -> int:
        return int(store.client.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"])

    first, before = client.get("/metrics").data, reads()
    answers = [client.get("/metrics").data for _ in range(20)]

    assert set(answers) == {first}
    assert reads() == before
