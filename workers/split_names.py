"""What Split calls its traffic types and environments: asked through the Admin API, kept in Redis."""

from dataclasses import replace

from split_dest import logs
from split_dest.config.settings import Destination, SplitAccount
from split_dest.errors import Refused, Remedy
from split_dest.inbox import names
from split_dest.inbox.names import Names
from split_dest.mapping.rules import Rules
from split_dest.outlets import split_admin
from workers.runtime import Runtime

#: Names older than this are asked for again; and a name that is missing, at most so often.
_FRESH_MS = 600_000
_ASK_AGAIN_MS = 60_000


def account(split: SplitAccount, runtime: Runtime) -> split_admin.Account | None:
    """Gives the way to the Admin API of a destination or source; None: the settings name no key or workspace."""
    if split.admin_key is None or split.workspace_id is None:
        return None
    return split_admin.Account(
        runtime.settings.split.admin_url, split.admin_key.reveal(), split.admin_header, split.workspace_id
    )


def required_account(destination: Destination, runtime: Runtime) -> split_admin.Account:
    """Gives the destination's way to the Admin API.

    Raises:
        Refused: ``key_refused``, the settings name no key or workspace.
    """
    found = account(destination.split, runtime)
    if found is None:
        raise Refused("key_refused", "the settings name no admin_key or workspace_id", Remedy.MEND)
    return found


def with_traffic_types(destination: Destination, name: str, runtime: Runtime) -> Rules:
    """Gives the destination's rules, with Split's own traffic types where the settings list none.

    While Split can't be asked and was never asked, every traffic type counts: Split will judge.
    """
    rules = destination.rules
    admin = account(destination.split, runtime)
    if rules.traffic_types is not None or admin is None:
        return rules
    kept = names.get(runtime.store, name, admin.digest)
    try:
        if names.may_ask(runtime.store, name, admin.digest):
            kept = _fresh(kept, admin, name, runtime, _FRESH_MS)
    except Refused as refused:
        wait_seconds = max(refused.wait_seconds or 0, _ASK_AGAIN_MS / 1000)
        names.ask_later(runtime.store, name, admin.digest, wait_seconds)
        logs.warning("names_not_told", destination=name, reason=refused.code, detail=refused.detail)
    return rules if kept is None else replace(rules, traffic_types=frozenset(kept.traffic_types))


def places(
    destination: Destination, name: str, traffic_types: set[str], runtime: Runtime
) -> dict[str, split_admin.Place]:
    """Gives where identities of the traffic types are written; one that Split does not have is left out.

    Raises:
        Refused: Split did not tell, or has no environment of the configured name or id.
    """
    admin = required_account(destination, runtime)
    kept = _fresh(names.get(runtime.store, name, admin.digest), admin, name, runtime, _FRESH_MS)
    if not traffic_types <= set(kept.traffic_types) or _environment(destination, kept) is None:
        kept = _fresh(kept, admin, name, runtime, _ASK_AGAIN_MS)
    environment = _environment(destination, kept)
    if environment is None:
        raise Refused("environment_unknown", f"environment {destination.split.environment}", Remedy.MEND)
    known = traffic_types & set(kept.traffic_types)
    return {each: split_admin.Place(kept.traffic_types[each], environment) for each in known}


def _environment(destination: Destination, kept: Names) -> str | None:
    wanted = destination.split.environment or ""
    return wanted if wanted in kept.environments.values() else kept.environments.get(wanted)


def _fresh(kept: Names | None, admin: split_admin.Account, name: str, runtime: Runtime, most_ms: int) -> Names:
    now_ms = runtime.store.now_ms()
    if kept is not None and now_ms - kept.asked_ms < most_ms:
        return kept
    traffic_types, environments = split_admin.look_up(runtime.http, admin)
    asked = Names(now_ms, traffic_types, environments)
    names.put(runtime.store, name, admin.digest, asked)
    return asked
