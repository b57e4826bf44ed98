"""What Split calls its traffic types, environments and flags: asked through the Admin API, kept in Redis."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from split_dest import logs
from split_dest.config.settings import AdminAccess, Destination
from split_dest.errors import Refused, Remedy
from split_dest.inbox.names import NameCache, Names
from split_dest.mapping.rules import Rules
from split_dest.outlets import split_admin
from split_dest.outlets.http import HttpClient
from split_dest.outlets.split_admin import Account, IdentityScope
from workers.delivery import LaneDelivery, TurnOver

#: Older names are asked for again; a missing name at most this often.
FRESH_MS = 600_000
ASK_AGAIN_MS = 60_000
#: Split is asked at most this often while flags come for the first time.
_ASK_FOR_NEW_MS = 10_000
#: How many flags that Split does not have are remembered; others count as new each time.
_ABSENT_MAX = 1000


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace of a destination or source at Split, and what Redis keeps of its names."""

    account: Account
    cache: NameCache
    http: HttpClient

    def fresh(self, cached: Names | None, max_age_ms: int) -> Names:
        """Return the cached names unless they are too old, else those that Split has now.

        Raises:
            Refused: Split did not answer with names.
        """
        now_ms = self.cache.store.now_ms()
        if cached is not None and _age_ms(cached, now_ms) < max_age_ms:
            return cached
        traffic_types, environments = split_admin.look_up(self.http, self.account)
        asked = Names(now_ms, traffic_types, environments)
        self.cache.save(asked)
        return asked


def _age_ms(cached: Names, now_ms: int) -> float:
    """Return how old names are; of unknown age, which is old, when Redis's clock has gone back since."""
    return now_ms - cached.asked_ms if cached.asked_ms <= now_ms else math.inf


def _workspace(split: AdminAccess, delivery: LaneDelivery) -> Workspace | None:
    """Return the way to ask Split; None: the settings name no key or workspace."""
    if split.admin_key is None or split.workspace_id is None:
        return None
    url = delivery.runtime.settings.split.admin_url
    account = Account(url, split.admin_key.reveal(), split.admin_header, split.workspace_id)
    cache = NameCache(delivery.runtime.store, delivery.lease.owner, account.digest)
    return Workspace(account, cache, delivery.runtime.http)


def rules_with_traffic_types(delivery: LaneDelivery) -> Rules:
    """Return the destination's rules, with Split's own traffic types where the settings list none.

    While Split can't be asked and was never asked, every traffic type counts: Split will judge.
    """
    rules = delivery.destination.rules
    workspace = _workspace(delivery.destination.split, delivery)
    if rules.traffic_types is not None or workspace is None:
        return rules
    cached = workspace.cache.load()
    try:
        if workspace.cache.may_ask():
            cached = workspace.fresh(cached, FRESH_MS)
    except Refused as refused:
        workspace.cache.ask_later(max(refused.wait_seconds or 0, ASK_AGAIN_MS / 1000))
        logs.warning(
            "names_unavailable", destination=delivery.lease.owner, reason=refused.code, detail=refused.detail
        )
    return rules if cached is None else replace(rules, traffic_types=frozenset(cached.traffic_types))


def identity_scopes(
    delivery: LaneDelivery, traffic_types: Iterable[str], max_age_ms: int = FRESH_MS
) -> tuple[Account, dict[str, IdentityScope]]:
    """Return the account of the destination, and where in it the identities of traffic types are written.

    Args:
        delivery: of the lane.
        traffic_types: lower-cased names; one that Split does not have is left out of the answer.
        max_age_ms: how old the names may be by which the places are known.

    Raises:
        Refused: Split did not answer with names, or has no environment of the configured name or id, or the
            settings name no key or workspace.
    """
    destination = delivery.destination
    workspace = _workspace(destination.split, delivery)
    if workspace is None:
        raise Refused("key_refused", "the settings name no admin_key or workspace_id", Remedy.FIX)
    cached = workspace.fresh(workspace.cache.load(), max_age_ms)
    if not set(traffic_types) <= set(cached.traffic_types) or _environment(destination, cached) is None:
        cached = workspace.fresh(cached, ASK_AGAIN_MS)
    environment = _environment(destination, cached)
    if environment is None:
        raise Refused("environment_unknown", f"environment {destination.split.environment}", Remedy.FIX)
    known = set(traffic_types) & set(cached.traffic_types)
    return workspace.account, {each: IdentityScope(cached.traffic_types[each], environment) for each in known}


def _environment(destination: Destination, cached: Names) -> str | None:
    configured = destination.split.environment or ""
    return configured if configured in cached.environments.values() else cached.environments.get(configured)


def flag_traffic_types(delivery: LaneDelivery, flags: set[str]) -> Mapping[str, str]:
    """Return the traffic types of flags, at least of these; a flag that Split does not have is left out.

    The settings come first.

    Raises:
        Refused: Split did not answer with flags, or should not be asked again so soon.
        TurnOver: the drain should end; the next one goes on listing.
    """
    listed = delivery.source.rules.flag_traffic_types
    workspace = _workspace(delivery.source.split, delivery)
    if flags <= set(listed) or workspace is None:
        return listed
    cached = workspace.cache.load() or Names(0)
    age_ms = _age_ms(cached, delivery.runtime.store.now_ms())
    missing = flags - set(listed) - set(cached.flags)
    new = missing - set(cached.absent)
    may_ask = cached.offset or age_ms >= (_ASK_FOR_NEW_MS if new else ASK_AGAIN_MS)
    if missing and may_ask:
        cached = _list_flags(delivery, workspace, cached, missing)
    elif new:
        wait_seconds = (_ASK_FOR_NEW_MS - age_ms) / 1000
        raise Refused("flag_awaited", "a flag came for the first time", Remedy.WAIT, wait_seconds=wait_seconds)
    return {**cached.flags, **listed}


def _list_flags(delivery: LaneDelivery, workspace: Workspace, cached: Names, missing: set[str]) -> Names:
    """List all flags and keep them; if that ends early, those so far, and where to go on."""
    started_ms, flags, offset = workspace.cache.store.now_ms(), dict(cached.flags), cached.offset
    try:
        while True:
            page = split_admin.flag_page(workspace.http, workspace.account, offset)
            flags.update(page.traffic_types)
            offset = page.next_offset
            if not offset:
                break
            if delivery.turn_is_over or delivery.runtime.stop.is_set:
                raise TurnOver
    except (Refused, TurnOver):
        workspace.cache.save(replace(cached, flags=flags, offset=offset))
        raise
    absent = dict.fromkeys(flag for flag in (*missing, *cached.absent) if flag not in flags)
    cached = replace(cached, asked_ms=started_ms, flags=flags, offset=0, absent=list(absent)[:_ABSENT_MAX])
    workspace.cache.save(cached)
    return cached
