"""By which settings live supervisors work, and which destinations ever had messages."""

from split_dest.config import fingerprints
from split_dest.config.settings import Destination, Secret, Settings, Source, SplitAccount
from split_dest.inbox import deployment, lanes, owners
from split_dest.inbox.deployment import Announcement, Differences
from split_dest.inbox.store import Store
from tests.support.steps import accept


def settings_of(**accounts: SplitAccount) -> Settings:
    """Return settings with a destination for each account."""
    return Settings(destinations={name: Destination(split=account) for name, account in accounts.items()})


def test_settings_differ_by_names_and_by_where_a_name_leads() -> None:
    """Each kind of difference has its names."""
    found = deployment.compare({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"})

    assert found == Differences(("a",), ("d",), ("c",))
    assert found.named == {"only_here": "a", "only_there": "d", "leads_elsewhere": "c"}
    assert not deployment.compare({"a": "1"}, {"a": "1"})


def test_only_some_of_many_names_are_listed() -> None:
    """A line of a log or a terminal stays short."""
    found = deployment.compare({f"n-{n:04}": "1" for n in range(1000)}, {})

    assert found.named["only_here"].endswith("n-0009 and 990 more")


def test_a_digest_is_of_all_that_says_where_messages_go() -> None:
    """Another key, environment, workspace or address is another digest; so is another deployment's id."""
    accounts = [
        SplitAccount(sdk_key=Secret("k"), environment="e", workspace_id="w"),
        SplitAccount(sdk_key=Secret("l"), environment="e", workspace_id="w"),
        SplitAccount(sdk_key=Secret("k"), environment="f", workspace_id="w"),
        SplitAccount(sdk_key=Secret("k"), environment="e", workspace_id="x"),
        SplitAccount(sdk_key=None, environment="e", workspace_id="w"),
    ]
    digests = [fingerprints.of(settings_of(a=account), "salt")["a"] for account in accounts]
    sources = [Settings(sources={"a": Source(write_key=Secret(key))}) for key in "kl"]
    digests += [fingerprints.of(settings, "salt")["a"] for settings in sources]
    digests.append(fingerprints.of(settings_of(a=accounts[0]), "another")["a"])

    assert len(set(digests)) == len(digests) == 8


def test_an_admin_key_that_is_rotated_is_no_other_deployment() -> None:
    """It leads to the same workspace."""
    one, two = (settings_of(a=SplitAccount(admin_key=Secret(key))) for key in "kl")

    assert fingerprints.of(one, "s") == fingerprints.of(two, "s")


def test_a_deployment_keeps_its_id(store: Store) -> None:
    """It is made once; another prefix is another deployment."""
    assert deployment.identity(store) == ""
    first, second = deployment.begin(store), deployment.begin(store)
    store.prefix = "other"

    assert first == second == first.lower() != ""
    assert deployment.begin(store) != first


def test_an_emptied_redis_gets_the_id_back(store: Store) -> None:
    """The first supervisor puts it back; the others take that one."""
    former = deployment.begin(store)
    store.client.flushall()

    assert deployment.begin(store, former) == deployment.begin(store, "of another") == former


def test_supervisors_hear_of_each_other_once(store: Store) -> None:
    """Whoever comes says it to both; nobody is told the same again."""
    one, two = Announcement(store, {"a": "1"}), Announcement(store, {"a": "1", "b": "2"})

    assert one.say() == []
    assert two.say() == [Differences(only_here=("b",))]
    assert one.say() == [Differences(only_there=("b",))]
    assert one.say() == two.say() == []
    assert deployment.others(store, {"a": "1"}) == [Differences(only_there=("b",))]


def test_those_who_are_silent_count_no_more(store: Store) -> None:
    """After five seconds they are gone, after a minute they are forgotten, and then they say all of it again."""
    one, two = Announcement(store, {"a": "1"}), Announcement(store, {"b": "2"})
    two.say()
    store.client.zincrby("sd:settings:seen", -6_000, two.name)
    assert one.say() == []
    assert store.client.hexists("sd:settings", two.name)

    store.client.zincrby("sd:settings:seen", -60_000, two.name)
    one.say()

    assert not store.client.hexists("sd:settings", two.name)
    assert two.say() == [Differences(only_here=("b",), only_there=("a",))]


def test_a_time_ahead_of_redis_is_of_nobody(store: Store) -> None:
    """Redis's clock was ahead when it was said, and has gone back."""
    one, two = Announcement(store, {"a": "1"}), Announcement(store, {"b": "2"})
    two.say()
    store.client.zincrby("sd:settings:seen", 3_600_000, two.name)

    assert one.say() == []
    assert store.client.zrange("sd:settings:seen", 0, -1) == [one.name.encode()]


def test_a_redis_that_has_lost_its_data_hears_all_of_it_again(store: Store) -> None:
    """The names of destinations are written down again as well."""
    one = Announcement(store, {"a": "1"})
    one.say()
    store.client.flushall()

    one.say()

    assert deployment.others(store, {}) == [Differences(only_there=("a",))]
    assert store.client.hkeys("sd:owners") == [b"a"]


def test_whoever_has_messages_is_written_down(store: Store) -> None:
    """By the process that stores them, whether or not a worker ever knew it."""
    accept(store, "m-1")

    assert owners.unlisted(store, {}) == {"web": (1, 0, False)}
    assert owners.unlisted(store, {"web": lanes.OF_DESTINATION}) == {}
