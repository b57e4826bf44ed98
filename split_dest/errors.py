"""Every error raised on purpose. Each carries a reason code and says who acts on it.

A reason code is one short word for HTTP answers, metrics, log lines and dead letters alike; it never holds a
user's data. ``REASONS`` is the complete list.
"""

import enum
from dataclasses import dataclass

#: Reason code -> what it means. A code used anywhere else than here does not exist.
REASONS = {
    # A whole request is refused. The sender should act.
    "unauthorized": "The Authorization header, or a source's token, is missing or matches no configured secret.",
    "bad_signature": "X-Signature matches neither the raw body nor its first element.",
    "unknown_destination": "The settings have no destination or source of this name.",
    "unknown_source": "No destination lists this write key.",
    "too_many_attempts": "Too many failed attempts from this address within a minute; try again later.",
    "empty_batch": "The batch has no message.",
    "multi_user_error": "No message of the batch can be accepted, for several reasons.",
    "not_found": "Nothing is served at this address.",
    "method_not_allowed": "This address does not accept this HTTP method.",
    "invalid_json": "The body is not JSON.",
    "invalid_gzip": "The body starts like gzip but can't be decompressed.",
    "body_incomplete": "The connection or the time ended before the whole body had arrived.",
    "body_too_large": "The body is larger, as it came or decompressed, than the endpoint accepts.",
    "too_many_messages": "The request has more messages than the endpoint accepts.",
    "store_unavailable": "Redis is unavailable or refuses writes; send the request again.",
    "store_full": "Redis is above its high-water mark; send the request again.",
    "busy": "Other long requests took more than 30 seconds; send the request again.",
    "internal_error": "Internal error; send the request again.",
    # A message becomes a dead letter on arrival. The sender's developer should act.
    "not_json": "The message is not JSON, though its neighbours are, or it is damaged and over 128 KB.",
    "not_an_object": "A message must be a JSON object.",
    "message_too_large": "The message is larger than intake.max_message_bytes.",
    "number_not_finite": "An id is NaN, Infinity or outside the range of a double.",
    "text_not_unicode": "An id has a lone surrogate or bytes that are not UTF-8.",
    "id_not_string": "An id is neither a string nor a whole number whose digits are known.",
    "no_user_anon_id": "The message has no userId, anonymousId or groupId, and no split that names another id.",
    "event_not_defined": "The track call has no event.",
    "event_not_string": "The event of the track call is not a string.",
    "name_not_string": "The name of the page or screen call is not a string.",
    "write_key_differs": "Joined to the messages of another write key, and this destination does not list theirs.",
    "impression_incomplete": "The impression has no usable key, split, treatment or time.",
    "properties_not_object": "properties is not an object.",
    "traits_not_object": "traits is not an object.",
    "split_too_large": "properties.split or traits.split names more than 100 traffic types and ids.",
    # Filtered by the settings: counted, not kept. The admin should act, if anyone.
    "unsupported_type": "The type is alias, another one that Split has nothing for, or missing.",
    "track_disabled": "track.enabled is off.",
    "page_disabled": "named_pages.enabled is off.",
    "screen_disabled": "named_screens.enabled is off.",
    "identify_disabled": "identify.enabled is off.",
    "group_disabled": "group.enabled is off.",
    "delete_disabled": "delete.enabled is off.",
    "page_unnamed": "The page call has no name.",
    "screen_unnamed": "The screen call has no name.",
    "event_type_id": "The path event_type_id leads to no usable event type id.",
    "event_filtered": "track.only or track.except keeps this event name out.",
    "no_mapped_identity": "No path of map_identities leads to a valid key.",
    "traffic_type_unknown": "Split does not have this traffic type, or the flag's traffic type is not known.",
    "traits_empty": "The identify call, or a replacing group call, has no trait that makes an attribute.",
    "environment": "The setting environments keeps impressions of this Split environment out.",
    "control_skipped": "skip_control keeps impressions of the treatment control out.",
    "traffic_type_unmapped": "map_traffic_types names no id for the flag's traffic type.",
    "exposures_disabled": "exposures.enabled is off, or exposures.event has changed since the message arrived.",
    "exposure_incomplete": "exposures.flag or exposures.treatment leads to no string.",
    "filtered_by_integrations_object": "integrations switches Split off for this message.",
    "dead_letters_full": "The Tracking API refused it, and the destination had 5,000 dead letters already.",
    "dropped": "Someone dropped the dead letter.",
    # Noted: counted in addition to what became of the message. The admin should act, if anyone.
    "event_type_id_sanitized": "The event's name had characters that Split does not accept, or too many.",
    "event_type_id_unrecognizable": "What tells the event's name apart, such as a foreign word, would be lost.",
    "timestamp_unreadable": "A time of the message can't be read in one way; another, or its receipt's, counts.",
    "timestamp_future": "The message's time is over five minutes after its receipt, whose time counts.",
    "key_skipped": "An id in split, or on a path of map_identities, makes no key; the others were used.",
    "name_taken": "Two names became one when repaired, cut or flattened; an unchanged one counts.",
    "name_unusable": "A trait's name has no character that Split accepts; the trait was left out.",
    "text_repaired": "A string had a lone surrogate or bytes that are not UTF-8, which became U+FFFD.",
    "number_left_out": "A number was NaN, Infinity or outside the range of a double, and became null.",
    "nested_too_deep": "What was nested deeper than 64 levels became null.",
    "value_cut": "A trait, a property or its name was longer than its max_length.",
    "properties_left_out": "Properties were left out: too many, too large, unreadable, or by properties.nested.",
    "traffic_type_skipped": "split names a traffic type that Split does not have; the other ids were used.",
    "alias": "An alias call: Split does not join keys. Also counted as unsupported_type.",
    # Split or Segment refuses: a lane is paused, or a message becomes a dead letter. The operator should act.
    "rate_limited": "Split, or Segment for track calls, asked to wait (429).",
    "upstream_error": "Split or Segment answered with an error (5xx) or an unexpected status.",
    "upstream_timeout": "Split or Segment did not answer in time.",
    "upstream_unreachable": "Can't connect to Split or Segment, or the connection was cut.",
    "flag_awaited": "The flag is new; Split is asked for its traffic type within seconds.",
    "key_refused": "Split or Segment refused the key (401, 402 or 403).",
    "workspace_unknown": "Split has no workspace of the configured id, or none for this admin key (404).",
    "environment_unknown": "Split has no environment of the configured name or id.",
    "record_refused": "Split or Segment refused this record alone (400, 413 or 422).",
    "crashed_worker": "Three workers died while they mapped this message.",
    "entry_unreadable": "Another version stored the message in a way that this version can't read.",
    "gave_up": "Not delivered within delivery.give_up_hours.",
    # A job in Redis was not run: somebody else may write to Redis. The operator should act.
    "job_id_odd": "RQ's list has an entry that is not a job's id.",
    "job_unreadable": "The job is not a hash, or its data is not the JSON of a call, or is too large for a drain.",
    "job_function": "The job names a function other than the drain.",
    "job_arguments": "The job's arguments are not those of a drain.",
    "job_extras": "The job has a callback, a webhook, or something else that RQ would load or act on.",
}


class SplitDestError(Exception):
    """The root: an error that this service raises on purpose.

    Args:
        code: a key of ``REASONS``.
        detail: where and what to do, for a person; never a user's data, never a secret.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail or REASONS[code]}")
        self.code = code
        self.detail = detail or REASONS[code]


class RequestRefused(SplitDestError):
    """A whole request is refused with this HTTP status. The sender acts.

    Nothing of it is stored, but for messages that the Tracking API refuses: these are kept as dead letters.
    """

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.status = status


class MessageRejected(SplitDestError):
    """One message can't be accepted; it is kept as a dead letter. The sender's developer acts."""


class MessageFiltered(SplitDestError):
    """The settings say not to deliver this message; it is counted and left. Nobody needs to act."""


class StoreUnavailable(SplitDestError):
    """Redis can't take or give messages now; whoever asked tries again later. The operator acts."""

    def __init__(self, detail: str, code: str = "store_unavailable") -> None:
        super().__init__(code, detail)


class NoServer(Exception):
    """No redis-server that is new enough; the text says what to do. The admin acts."""


class NotPrivate(Exception):
    """Other accounts could read or replace what is kept; the text says where, and what to do. The admin acts."""


class StoredUnreadable(Exception):
    """Another version stored what this one can't read; the text says what, and what to do. The operator acts."""


class BookmarkMoved(Exception):
    """A file's bookmark is not where its import left it; nothing was stored. The person who imports acts."""


class Remedy(enum.Enum):
    """What helps after a refusal by Split or Segment; decided once, where the answer is known."""

    WAIT = "wait"  # the same call may succeed later
    HALVE = "halve"  # something in this call is wrong: find it by halving
    FIX = "fix"  # a person must correct the settings; nothing may be burnt meanwhile


class Refused(SplitDestError):
    """Split or Segment did not take a call.

    Args:
        code: a key of ``REASONS``.
        detail: method, path template and status; never a body.
        remedy: what helps.
        wait_seconds: the least time to wait that the answer gave; None: it gave none.
        words: the answer's own, which may quote personal data: for dead letters and paused lanes, never for logs.
        status: the answer's HTTP status; 0: there was none.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        remedy: Remedy,
        *,
        wait_seconds: float | None = None,
        words: str = "",
        status: int = 0,
    ) -> None:
        super().__init__(code, detail)
        self.remedy = remedy
        self.wait_seconds = wait_seconds
        self.words = words
        self.status = status


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the settings: where it stands (1-based line and column), what, and how to fix it.

    A variable of the environment stands in line 0, and ``file`` is its name.
    """

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        """Return ``file:line:column: text``, the form that editors jump to."""
        return f"{self.file}:{self.line}:{self.column}: {self.text}" if self.line else f"{self.file} {self.text}"


class SettingsError(Exception):
    """The settings can't be used; all problems of the file at once. The admin acts."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
