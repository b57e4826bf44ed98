"""Which traffic type a flag has: as the settings say, else as Split's Admin API says, kept in Redis."""

from collections.abc import Mapping
from dataclasses import replace

from split_dest.config.settings import Source
from split_dest.errors import Refused, Remedy
from split_dest.inbox import names
from split_dest.inbox.names import Names
from split_dest.outlets import split_admin
from workers import split_names
from workers.runtime import Runtime

#: Split is asked at most so often while flags come that nobody knows, and while they come for the first time.
_ASK_AGAIN_MS = 60_000
_ASK_FOR_NEW_MS = 10_000
#: So many flags that Split does not have are remembered; others count as new each time.
_ABSENT_MAX = 1000


def traffic_types(source: Source, name: str, wanted: set[str], runtime: Runtime) -> Mapping[str, str]:
    """Gives the traffic types of flags; one that Split does not have is left out.

    Args:
        source: whose settings come first.
        name: of the source.
        wanted: the flags that the answer must speak of.
        runtime: of this worker.

    Raises:
        Refused: Split does not tell, or is not to be asked again so soon.
    """
    listed = source.rules.flag_traffic_types
    account = split_names.account(source.split, runtime)
    if wanted <= set(listed) or account is None:
        return listed
    kept = names.get(runtime.store, name, account.digest) or Names(0)
    age_ms = runtime.store.now_ms() - kept.asked_ms
    missing = wanted - set(listed) - set(kept.flags)
    new = missing - set(kept.absent)
    if kept.offset or (missing and age_ms >= _ASK_AGAIN_MS) or (new and age_ms >= _ASK_FOR_NEW_MS):
        kept = _asked(account, name, kept, missing, runtime)
    elif new:
        wait_seconds = (_ASK_FOR_NEW_MS - age_ms) / 1000
        raise Refused("flag_awaited", "a flag came for the first time", Remedy.WAIT, wait_seconds=wait_seconds)
    return {**kept.flags, **listed}


def _asked(account: split_admin.Account, name: str, kept: Names, missing: set[str], runtime: Runtime) -> Names:
    """Lists all flags and keeps them page by page, so that a refusal on the way costs one page."""
    began_ms = runtime.store.now_ms()
    while True:
        page = split_admin.flag_page(runtime.http, account, kept.offset)
        kept = replace(kept, flags={**kept.flags, **page.traffic_types}, offset=page.next_offset)
        if not page.next_offset:
            break
        names.put(runtime.store, name, account.digest, kept)
    absent = dict.fromkeys(flag for flag in (*missing, *kept.absent) if flag not in kept.flags)
    kept = replace(kept, asked_ms=began_ms, absent=list(absent)[:_ABSENT_MAX])
    names.put(runtime.store, name, account.digest, kept)
    return kept
