"""Every error raised on purpose. Each carries a reason code and says who acts on it.

A reason code is one short word for HTTP answers, metrics, log lines and dead letters alike; it never holds a
user's data. ``REASONS`` is the complete list.
"""

import enum
from dataclasses import dataclass

#: Reason code -> what it means. A code used anywhere else than here does not exist.
REASONS = {
    # The door refuses a whole request; the sender acts on it.
    "unauthorized": "None of the secrets that open this door was shown.",
    "bad_signature": "X-Signature fits neither the raw body nor its first element.",
    "unknown_destination": "No destination or source of this name stands in the settings.",
    "unknown_source": "No destination of the settings lists this write key.",
    "too_many_attempts": "Too many failed attempts from this address within a minute; come later.",
    "empty_batch": "A batch without any message.",
    "multi_user_error": "No message of the batch can be accepted, for several reasons.",
    "not_found": "Nothing is served at this address.",
    "method_not_allowed": "This address does not take this HTTP method.",
    "invalid_json": "The body is not JSON.",
    "invalid_gzip": "The body starts like gzip and can't be inflated.",
    "body_incomplete": "The connection ended, or time did, before the whole body had come.",
    "body_too_large": "The body, inflated, is larger than the door takes.",
    "too_many_messages": "More messages in one request than the door takes.",
    "store_unavailable": "Redis is away or refuses to write; send the request again.",
    "store_full": "Redis is over its high-water mark; send the request again.",
    "busy": "Too many long requests wait already; send the request again.",
    "internal_error": "A fault of ours; send the request again.",
    # One message is set aside at the door; the sender's developer acts on it.
    "not_json": "The message is not JSON, though its neighbours are.",
    "not_an_object": "A message must be a JSON object.",
    "message_too_large": "The message is over intake.max_message_bytes.",
    "nested_too_deep": "The message is nested deeper than 64 levels.",
    "number_not_finite": "A number is NaN, Infinity or beyond what a double holds.",
    "text_not_unicode": "A text holds a lone surrogate or bytes that are not UTF-8.",
    "id_not_string": "An id is neither a text nor a whole number.",
    "no_user_anon_id": "No userId, anonymousId or groupId, and no split that names another id.",
    "event_not_defined": "A track call without an event.",
    "event_not_string": "The event of a track call is not a text.",
    "name_not_string": "The name of a page or screen call is not a text.",
    "impression_incomplete": "An impression without a key, split, treatment or time that can be used.",
    "properties_not_object": "properties is not an object.",
    "traits_not_object": "traits is not an object.",
    "split_too_large": "properties.split or traits.split names more than 100 traffic types and ids.",
    # The settings say not to deliver; counted, not kept. The admin acts on it, if anyone.
    "unsupported_type": "alias, another type that Split has nothing for, or no type at all.",
    "track_disabled": "track.enabled is off.",
    "page_disabled": "named_pages.enabled is off.",
    "screen_disabled": "named_screens.enabled is off.",
    "identify_disabled": "identify.enabled is off.",
    "group_disabled": "group.enabled is off.",
    "delete_disabled": "delete.enabled is off.",
    "page_unnamed": "A page call without a name.",
    "screen_unnamed": "A screen call without a name.",
    "event_type_id": "The path event_type_id leads to no usable event type id.",
    "event_filtered": "track.only or track.except keeps this event name out.",
    "no_mapped_identity": "No path of map_identities leads to a legal key.",
    "traffic_type_unknown": "A traffic type that Split does not have, or a flag whose traffic type nobody knows.",
    "traits_empty": "An identify call without any trait that makes an attribute.",
    "environment": "environments keeps this Split environment's impressions out.",
    "control_skipped": "skip_control keeps impressions of the treatment control out.",
    "traffic_type_unmapped": "map_traffic_types names no id for the flag's traffic type.",
    "exposures_disabled": "exposures.enabled is off, or exposures.event was changed, since the message came.",
    "exposure_incomplete": "exposures.flag or exposures.treatment leads to no text.",
    "filtered_by_integrations_object": "integrations switches Split off for this message.",
    "dead_letters_full": "The Tracking API refused it while the destination had 5,000 dead letters already.",
    "dropped": "A person dropped the dead letter.",
    # Noted: counted beside what became of the message. The admin acts on it, if anyone.
    "event_type_id_sanitized": "The event's name held characters that Split does not take, or too many.",
    "value_cut": "A trait, a property or its name was longer than its max_length.",
    "properties_left_out": "More properties than properties.max_count, or than an event's size lets Split take.",
    "traffic_type_skipped": "split names a traffic type that Split does not have; the other ids were used.",
    "alias": "An alias call: Split joins no keys. Counted as unsupported_type as well.",
    # Split refuses; a lane rests or a message is set aside. The operator acts on it.
    "rate_limited": "Split, or Segment for track calls, asked to wait (429).",
    "upstream_error": "Split or Segment answered with an error of its own (5xx or an answer that nobody expects).",
    "upstream_timeout": "Split or Segment did not answer in time.",
    "upstream_unreachable": "No connection to Split or Segment, or it was cut.",
    "flag_awaited": "A flag is new; Split is asked for its traffic type within seconds.",
    "key_refused": "Split or Segment refused the key (401, 402 or 403).",
    "workspace_unknown": "Split has no workspace of the configured id, or none for this admin key (404).",
    "environment_unknown": "Split has no environment of the configured name or id.",
    "record_refused": "Split or Segment refused this record alone (400, 413 or 422).",
    "crashed_worker": "Workers died three times while they held this message.",
    "gave_up": "Not delivered within delivery.give_up_hours.",
    # A job in Redis is left alone and counted. Somebody else can write to Redis; the operator acts on it.
    "job_absent": "RQ's list names a job that is not there, or names one twice.",
    "job_id_odd": "RQ's list holds what is no job's id.",
    "job_unreadable": "The job is no hash, or its data is not the JSON of a call, or too large for a drain's.",
    "job_function": "The job names another function than the drain.",
    "job_arguments": "The job's arguments are not those of a drain.",
    "job_extras": "The job has a callback, a webhook, or another thing that RQ would load or act upon.",
    "job_unknown_lane": "The job is for a lane that this worker's settings do not name, as during a deployment.",
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
    """A whole request is refused at the door with this HTTP status; nothing of it is stored. The sender acts."""

    def __init__(self, status: int, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.status = status


class MessageRejected(SplitDestError):
    """One message can't be accepted; it is set aside as a dead letter. The sender's developer acts."""


class MessageFiltered(SplitDestError):
    """The settings say not to deliver this message; it is counted and left. Nobody needs to act."""


class StoreUnavailable(SplitDestError):
    """Redis can't take or give messages now; whoever asked tries again later. The operator acts."""

    def __init__(self, detail: str, code: str = "store_unavailable") -> None:
        super().__init__(code, detail)


class NoServer(Exception):
    """No redis-server that is new enough; the text says what to do. The admin acts."""


class BookmarkMoved(Exception):
    """A file's bookmark is not where its import left it; nothing was stored. The person who imports acts."""


class Remedy(enum.Enum):
    """What helps after a refusal by Split or Segment; decided once, where the answer is known."""

    WAIT = "wait"  # the same call may succeed later
    HALVE = "halve"  # something in this call is wrong: find it by halving
    MEND = "mend"  # a person must mend the settings; nothing may be burnt meanwhile


class Refused(SplitDestError):
    """Split or Segment did not take a call.

    Args:
        code: a key of ``REASONS``.
        detail: method, path template and status; never a body.
        remedy: what helps.
        wait_seconds: the least time to wait that the answer gave; None: it gave none.
    """

    def __init__(self, code: str, detail: str, remedy: Remedy, *, wait_seconds: float | None = None) -> None:
        super().__init__(code, detail)
        self.remedy = remedy
        self.wait_seconds = wait_seconds


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the settings: where it stands (1-based line and column), what and how to mend it."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        """Gives ``file:line:column: text``, the form that editors jump to."""
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class SettingsError(Exception):
    """The settings can't be used; all problems of the file at once. The admin acts."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems
