"""Split's Admin API: the ids of names, and identities."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from split_dest.errors import Refused, Remedy
from split_dest.outlets.http import USER_AGENT, HttpClient, Request
from split_dest.outlets.words import words_of
from split_dest.split.records import Identity

#: No limit is documented for identities; CSV uploads take 1,000 rows, and small calls are halved sooner. The
#: answer repeats all of them, and must be short enough to be read.
BULK_MAX, BULK_MAX_CHARS = 100, 100_000

_FLAGS_A_PAGE = 50

#: Statuses of a single identity in a bulk answer with which it may succeed later.
_MAY_SUCCEED_LATER = frozenset({408, 429, *range(500, 600)})


@dataclass(frozen=True, slots=True)
class Account:
    """Where the Admin API is and the key to it."""

    admin_url: str
    admin_key: str
    admin_header: str
    workspace_id: str

    @property
    def digest(self) -> str:
        """A name for this account, from which its key can't be read."""
        parts = "\0".join((self.admin_url, self.workspace_id, self.admin_key))
        return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()

    def request(self, method: str, path: str, place: str, body: bytes = b"") -> Request:
        """Return a request of this account.

        Source:
            docs.split.io, reference/authentication; migrated accounts send ``x-api-key``.
        """
        bearer = self.admin_header == "authorization"
        key = {"Authorization": f"Bearer {self.admin_key}"} if bearer else {"x-api-key": self.admin_key}
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT} | key
        return Request(method, f"{self.admin_url}{path}", headers, body, place)


@dataclass(frozen=True, slots=True)
class IdentityScope:
    """Where identities of one traffic type are written, by Split's ids."""

    traffic_type_id: str
    environment_id: str

    @property
    def path(self) -> str:
        """The path of these identities."""
        ids = quote(self.traffic_type_id, safe=""), quote(self.environment_id, safe="")
        return f"/trafficTypes/{ids[0]}/environments/{ids[1]}/identities"


def lookup_requests(account: Account) -> tuple[Request, Request]:
    """Return the requests that ask for the names of traffic types and of environments."""
    workspace = quote(account.workspace_id, safe="")
    return (
        account.request("GET", f"/trafficTypes/ws/{workspace}", "/trafficTypes/ws/…"),
        account.request("GET", f"/environments/ws/{workspace}", "/environments/ws/…"),
    )


def look_up(http: HttpClient, account: Account) -> tuple[dict[str, str], dict[str, str]]:
    """Ask for traffic types by lower-cased name and environments by name, each with its id.

    Raises:
        Refused: Split did not answer with them.

    Source:
        docs.split.io, reference/traffic-types-overview; python-api, main/environment_microclient.py.
    """
    traffic_types, environments = (_named(http, account, request) for request in lookup_requests(account))
    return {name.lower(): type_id for name, type_id in traffic_types.items()}, environments


@dataclass(frozen=True, slots=True)
class FlagPage:
    """A page of flags: flag -> lower-cased name of its traffic type; ``next_offset`` 0: it was the last."""

    traffic_types: Mapping[str, str]
    next_offset: int


def flag_page(http: HttpClient, account: Account, offset: int) -> FlagPage:
    """Ask for the traffic types of the flags from the offset on; a flag without one is left out.

    Raises:
        Refused: Split did not answer with them.

    Source:
        python-api, main/split_microclient.py (pages by offset), resources/split.py.
    """
    path = f"/splits/ws/{quote(account.workspace_id, safe='')}?limit={_FLAGS_A_PAGE}&offset={offset}"
    request = account.request("GET", path, "/splits/ws/…")
    try:
        page = orjson.loads(_of_workspace(http, account, request))
        flags, total = list(page["objects"]), int(page["totalCount"])
        types = {str(flag["name"]): (flag.get("trafficType") or {}).get("name") for flag in flags}
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError, ValueError) as error:
        raise _unexpected(request) from error
    end = offset + len(flags)
    lowered = {flag: name.lower() for flag, name in types.items() if isinstance(name, str)}
    return FlagPage(lowered, end if flags and end < total else 0)


def _named(http: HttpClient, account: Account, request: Request) -> dict[str, str]:
    try:
        listed = orjson.loads(_of_workspace(http, account, request))
        return {str(item["name"]): str(item["id"]) for item in listed}
    except (orjson.JSONDecodeError, TypeError, KeyError) as error:
        raise _unexpected(request) from error


def _of_workspace(http: HttpClient, account: Account, request: Request) -> bytes:
    """Return the body of the answer to a request whose path names the account's workspace.

    Source:
        docs.split.io, reference/error-codes: 404 for what does not exist, or what the key has no access to.
    """
    answer = http.send(request, not_found_is_answer=True)
    if answer.status == 404:
        detail = f"workspace {account.workspace_id}, {request.method} {request.place}: 404"
        raise Refused("workspace_unknown", detail, Remedy.FIX, words=words_of(answer.body, request.headers))
    return answer.body


def _unexpected(request: Request) -> Refused:
    detail = f"{request.method} {request.place}: an answer that is not as documented"
    return Refused("upstream_error", detail, Remedy.WAIT)


def identity_request(account: Account, scope: IdentityScope, identity: Identity, method: str) -> Request:
    """Return the request for one identity: PATCH keeps other attributes, PUT replaces them, DELETE removes it.

    Source:
        docs.split.io, reference/update-identity and save-identity; python-api, main/identity_microclient.py.
    """
    body = b"" if method == "DELETE" else orjson.dumps({"key": identity.key, "values": identity.values})
    return account.request(method, f"{scope.path}/{_segment(identity.key)}", "/…/identities/…", body)


def bulk_request(account: Account, scope: IdentityScope, identities: Sequence[Identity]) -> Request:
    """Return the request that replaces up to ``BULK_MAX`` identities.

    Source:
        docs.split.io, reference/save-identities.
    """
    body = orjson.dumps([{"key": identity.key, "values": identity.values} for identity in identities])
    return account.request("POST", scope.path, "/…/identities", body)


def merge_identity(http: HttpClient, account: Account, scope: IdentityScope, identity: Identity) -> None:
    """Add an identity's attributes to those that Split has; create the key if Split does not know it.

    Raises:
        Refused: Split did not take it.
    """
    if http.send(identity_request(account, scope, identity, "PATCH"), not_found_is_answer=True).status == 404:
        replace_identity(http, account, scope, identity)


def replace_identity(http: HttpClient, account: Account, scope: IdentityScope, identity: Identity) -> None:
    """Write an identity; its other attributes in Split are removed.

    Raises:
        Refused: Split did not take it.
    """
    http.send(identity_request(account, scope, identity, "PUT"))


def delete_identity(http: HttpClient, account: Account, scope: IdentityScope, identity: Identity) -> None:
    """Remove an identity.

    Raises:
        Refused: Split did not take it; with the status 404 it has no such identity, or no such scope.
    """
    http.send(identity_request(account, scope, identity, "DELETE"))


def replace_identities(
    http: HttpClient, account: Account, scope: IdentityScope, identities: Sequence[Identity]
) -> dict[str, Refused]:
    """Replace identities; return those that Split refused singly, by key.

    Raises:
        Refused: Split took none.

    Source:
        python-api, main/traffic_type_microclient.py, save_all: a 200 whose ``failed`` lists failures.
    """
    request = bulk_request(account, scope, identities)
    try:
        answer = orjson.loads(http.send(request).body or b"{}")
        failed = answer.get("failed") or []
        return {str(failure["object"]["key"]): _single(failure, request) for failure in failed}
    except (orjson.JSONDecodeError, AttributeError, TypeError, KeyError) as error:
        raise _unexpected(request) from error


def _single(failure: Mapping[str, Any], request: Request) -> Refused:
    status = failure.get("status")
    detail = f"POST /…/identities: listed as failed: {status}"
    words = words_of(str(failure.get("message", "")).encode(errors="replace"), request.headers)
    if status in _MAY_SUCCEED_LATER:
        return Refused("upstream_error", detail, Remedy.WAIT, words=words)
    return Refused("record_refused", detail, Remedy.HALVE, words=words)


def _segment(key: str) -> str:
    """Return a key as one path segment; a key of dots alone would otherwise lead to another resource."""
    quoted = quote(key, safe="")
    return quoted.replace(".", "%2E") if not key.strip(".") else quoted
