"""Each process has a Redis user with the rights that it needs and no others."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from split_dest.errors import StoreUnavailable
from split_dest.inbox import ledger, wake
from split_dest.inbox.store import Store
from tests.acl.conftest import ROLES, USERS, Guarded
from tests.support.sandbox import Sandbox
from tests.support.service import Service, tracks

Roles = Callable[[str], Service]
PERSON = {"type": "identify", "userId": "u-1", "messageId": "i-1", "traits": {"plan": "gold"}}
BAD = {"type": "track", "messageId": "bad-1", "userId": [], "event": "E"}

#: What nobody may, whatever the role.
NOBODY = """
FLUSHALL; FLUSHDB; KEYS *; SCAN 0; RANDOMKEY; DBSIZE; CONFIG SET dir /tmp; CONFIG GET requirepass; DEBUG SLEEP 0
SHUTDOWN NOSAVE; SAVE; REPLICAOF 127.0.0.1 1; MODULE LIST; ACL LIST; ACL SETUSER web +@all; MONITOR; CLIENT LIST
CLIENT KILL TYPE normal; EVAL return(1) 0; SCRIPT FLUSH; MIGRATE 127.0.0.1 1 k 0 1; DUMP sd:web:dead; RENAME a b
SUBSCRIBE c; PUBLISH sd:rq:pubsub:w {}; SORT sd:web:dead; GET another; SET another 1; DEL another
OBJECT ENCODING x; XTRIM sd:web:events:stream MAXLEN 0; XGROUP DESTROY sd:web:events:stream drains
DEL sd:rq:queue:drains:x sd:x
"""
#: What a role may not though others may: most of it reads or removes messages, or says what was seen before.
REFUSED = {
    "web": """
XRANGE sd:web:events:stream - +; XREVRANGE sd:web:events:stream + -; XREAD STREAMS sd:web:events:stream 0
XREADGROUP GROUP drains 0 STREAMS sd:web:events:stream >; XINFO STREAM sd:web:events:stream; XRANGE sd:web:dead - +
XDEL sd:web:events:stream 1-1; XACK sd:web:events:stream drains 1-1; XCLAIM sd:web:events:stream drains 0 0 1-1
XDEL sd:web:dead 1-1; DEL sd:web:events:stream; DEL sd:web:seen:1:1; SREM sd:web:seen:1:1 1; GET sd:web:names
SMEMBERS sd:web:seen:1:1; ZADD sd:workers 1 a; LPOP sd:rq:queue:drains; BLMOVE sd:rq:queue:drains x LEFT RIGHT 1
SET sd:watch:x 1; HSET sd:rq:worker:x a 1; EXPIRE sd:web:dead 1; UNLINK sd:web:dead; DEL sd:web:seen:periods
""",
    "worker": """
SADD sd:web:seen:1:1 1; SISMEMBER sd:web:seen:1:1 1; DEL sd:web:seen:1:1; EXPIRE sd:web:seen:1:1 1; SET sd:probe 1
HSET sd:web:seen:periods 1 1; HDEL sd:web:seen:periods 1
HGET sd:web:imports f; HSET sd:web:imports f 1; XTRIM sd:web:dead MAXLEN 0; XREAD STREAMS sd:web:dead 0
XGROUP SETID sd:web:events:stream drains 0; LRANGE sd:rq:queue:drains 0 -1; PSUBSCRIBE sd:rq:*
XINFO STREAM sd:web:dead
""",
    "console": """
SADD sd:web:seen:1:1 1; SISMEMBER sd:web:seen:1:1 1; DEL sd:web:dead; UNLINK sd:web:events:stream; SET sd:probe 1
XREADGROUP GROUP drains 0 STREAMS sd:web:events:stream >; XACK sd:web:events:stream drains 1-1; GET sd:web:names
XCLAIM sd:web:events:stream drains 0 0 1-1; HDEL sd:web:counts a; HSET sd:web:imports f 1; ZADD sd:workers 1 a
XGROUP CREATE sd:web:events:stream g 0; LPOP sd:rq:queue:drains; HSET sd:rq:worker:x a 1; SET sd:watch:x 1
EXPIRE sd:web:dead 1; HSET sd:web:seen:periods 1 1; HGETALL sd:web:seen:periods
""",
}


def lines(text: str) -> list[str]:
    """Return the commands of a table."""
    return [command.strip() for line in text.strip().splitlines() for command in line.split(";")]


def test_the_service_works_with_a_user_for_each_process(guarded: Guarded, roles: Roles, sandbox: Sandbox) -> None:
    """Messages go through with web and worker under their own users; Redis refuses neither anything."""
    web, worker = roles("web"), roles("worker")
    web.start_web()
    worker.start_workers(1)

    web.post([*tracks(200), PERSON, BAD, *tracks(1)])
    web.wait_until(lambda: web.lane().delivered == 200 and web.lane("identities").delivered == 1, 60)

    assert (web.lane().dead, web.lane().duplicate) == (1, 1)
    assert len(sandbox.received("events")) == 200
    assert web.http.request("GET", f"{web.url}/readyz").status == 200
    assert "split_dest_workers 1.0" in web.http.request("GET", f"{web.url}/metrics").data.decode()
    # With redis.wait_replicas the endpoint asks how many replicas have what it wrote.
    with guarded.client("web") as client:
        assert client.wait(0, 1) == 0
    assert worker.stop(worker.processes[-1]) == [0]
    assert guarded.refusals() == []


def test_the_operators_commands_have_the_consoles_rights(guarded: Guarded, roles: Roles, sandbox: Sandbox) -> None:
    """status, dead and check work as console; import needs the rights of web."""
    web, console = roles("web"), roles("console")
    web.start_web()
    web.post([BAD, BAD | {"messageId": "bad-2"}, *tracks(2)])
    (web.folder / "lines.jsonl").write_text('{"type": "track", "messageId": "x", "userId": "u", "event": "E"}\n')

    listed = console.command("dead", "list", "--json").splitlines()
    letter = console.command("dead", "show", orjson.loads(listed[0])["id"])
    replayed = console.command("dead", "replay", "--all")
    dropped = console.command("dead", "drop", "--all", "--yes")
    web.post([], Authorization="wrong")
    console.wait_until(lambda: bool(ledger.read(console.store, ["web"]).refused))
    status = console.command("status")
    checked = console.command("check", "--live")
    imported = web.command("import", str(web.folder / "lines.jsonl"), "--destination", "web")

    assert len(listed) == 2
    assert '"bad-1"' in letter
    assert replayed.split()[0] == "0"
    assert dropped == "2 dropped\n"
    assert "filtered: dropped 2" in status
    assert "refused at the endpoint: web unauthorized 1, last" in status
    assert "good  Redis appendonly yes" in checked
    assert '"accepted":1' in imported.replace(" ", "")
    assert guarded.refusals() == []


def test_rests_bad_records_and_replays_need_no_more(guarded: Guarded, roles: Roles, sandbox: Sandbox) -> None:
    """Refusals, a lane that rests, a planted job, a letter that is put back: all within the roles' rights."""
    sandbox.faults(
        {"api": "events", "status": 503, "times": 1}, {"api": "events", "status": 400, "containing": "u-3"}
    )
    web, worker, console = roles("web"), roles("worker"), roles("console")
    web.start_web()
    web.post(tracks(20))
    guarded.admin.rpush("sd:rq:queue:drains", "a:b", "nobody")
    worker.start_workers(1)
    web.wait_until(lambda: (web.lane().delivered, web.lane().dead) == (19, 1), 60)

    sandbox.faults()
    assert console.command("dead", "replay", "--all").startswith("1 replayed")

    web.wait_until(lambda: web.lane().delivered == 20, 60)
    assert "forbidden jobs: job_id_odd 1" in console.command("status")
    assert guarded.refusals() == []


def test_what_is_left_of_others_is_seen_and_pauses_are_ended_with_the_consoles_rights(
    guarded: Guarded, roles: Roles, sandbox: Sandbox
) -> None:
    """resume, and what nobody delivers; to forget that takes more than any role may."""
    sandbox.faults({"api": "events", "status": 429, "retryAfter": 600})
    web, worker, console = roles("web"), roles("worker"), roles("console")
    web.change("destinations:\n  web:", "destinations:\n  web: &web")
    web.file.write_text(web.file.read_text() + "  former: *web\n")
    web.start_web()
    web.post(tracks(2), "/webhook/former")
    web.post(tracks(3))
    workers = worker.start_workers(1)
    web.wait_until(lambda: web.lane().resting_reason == "rate_limited", 60)
    worker.stop(workers)
    sandbox.faults()
    web.file.write_text(web.file.read_text().replace("  former: *web\n", ""))

    assert "former is not in the settings: 2 waiting, 0 dead" in console.command("status")
    assert console.command("resume", "web").startswith("web events: ended a pause of ")
    assert "warning: former is not in the settings" in console.command("check", "--live")
    assert guarded.refusals() == []
    # The worker that knew it counts as alive for some seconds.
    web.wait_until(lambda: "other settings" not in console.command("status"), 20)
    with pytest.raises(AssertionError, match="gives this user no right"):
        console.command("forget", "former", "--yes")
    web.environ["TEST_REDIS_URL"] = f"unix://admin:any@{guarded.socket}"
    assert web.command("forget", "former", "--yes").startswith("former: 2 waiting, 0 dead; ")


def test_the_users_of_another_prefix_have_the_rights_for_it_alone(guarded: Guarded, tmp_path: Path) -> None:
    """By the very command of the operator's page."""
    page = (USERS.parents[2] / "docs" / "operations.md").read_text()
    command = re.search(r"^sed -i 's/~sd:.*$", page, re.MULTILINE)
    file = tmp_path / "users.acl"
    file.write_text(USERS.read_text())
    subprocess.run(["bash", "-ec", command[0].replace("/etc/redis", str(tmp_path))], check=True)

    assert file.read_text() == USERS.read_text().replace("~sd:", "~staging:")
    assert " ~sd:" not in file.read_text()


@pytest.mark.parametrize("role", ["web", "console"])
def test_a_slot_is_freed_when_rq_is_refused_by_a_full_redis(guarded: Guarded, role: str) -> None:
    """Whoever wakes a lane takes back its mark, with its own rights."""
    guarded.admin.set("sd:web:events:drain:0", "queued:job-1")
    guarded.admin.config_set("maxmemory", 1)

    with pytest.raises(StoreUnavailable):
        wake.enqueue(Store(guarded.client(role)), "web", "events", 0, "job-1")

    assert not guarded.admin.exists("sd:web:events:drain:0")
    assert guarded.refusals() == []


@pytest.mark.parametrize("role", ROLES)
def test_rights_that_a_role_does_not_need_are_not_given(guarded: Guarded, role: str) -> None:
    """Each command of the tables is refused by Redis itself."""
    refused = []
    for command in lines(NOBODY) + lines(REFUSED[role]):
        # A client each: some of these commands would change what the connection is for.
        with guarded.client(role) as client:
            try:
                client.execute_command(*command.split())
            except redis.exceptions.ResponseError as error:
                # Redis 7 takes DEBUG from nobody, whatever the rights.
                if isinstance(error, redis.exceptions.NoPermissionError) or "not allowed" in str(error):
                    refused.append(command)

    assert refused == lines(NOBODY) + lines(REFUSED[role])


@pytest.mark.parametrize("role", ROLES)
def test_a_script_of_somebody_else_has_no_more_rights_than_its_caller(guarded: Guarded, role: str) -> None:
    """Loading and running a script is allowed, since the service does; what it calls is checked all the same."""
    with guarded.client(role) as client:
        digest = client.script_load("return redis.call('FLUSHALL')")
        with pytest.raises(redis.ResponseError, match=r"can't run this command|ACL|permission"):
            client.evalsha(digest, 0)


def test_nobody_comes_in_without_a_password(guarded: Guarded) -> None:
    """No user of the file is without one, and the default user is off."""
    for user, given in (("default", ""), ("web", ""), ("worker", "password"), ("console", "x")):
        with connect_as(guarded, user, given) as client, pytest.raises(redis.AuthenticationError):
            client.ping()


def connect_as(guarded: Guarded, user: str, given: str) -> redis.Redis:
    """Return a client that logs in with a user's name and a password."""
    never = Retry(NoBackoff(), 0)
    return redis.Redis(
        unix_socket_path=str(guarded.socket), username=user, password=given, protocol=2, retry=never
    )


def test_the_file_holds_no_password() -> None:
    """What is in the repository lets nobody in."""
    text = USERS.read_text()

    assert not {"nopass", ">", "#"} & set(text.replace("nopass", " nopass ").split()) - {"#"}
    assert ">" not in text
    assert "#" not in text
