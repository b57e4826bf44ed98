"""Reason codes, and the errors that carry them."""

import pytest

from split_dest.errors import (
    REASONS,
    MessageFiltered,
    MessageRejected,
    Problem,
    Refused,
    Remedy,
    RequestRefused,
    SettingsError,
    SplitDestError,
    StoreUnavailable,
)


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_is_a_short_word_with_one_sentence(code: str):
    """A code can be a metric's label, and its meaning can be shown to a person."""
    assert code.replace("_", "").isalpha()
    assert code == code.lower()
    assert REASONS[code].endswith(".")


@pytest.mark.parametrize("kind", [SplitDestError, MessageRejected, MessageFiltered])
def test_an_error_without_details_says_what_its_code_means(kind: type[SplitDestError]):
    """An error shows the meaning of its code."""
    error = kind("page_unnamed")

    assert error.code == "page_unnamed"
    assert error.detail == "The page call has no name."
    assert str(error) == "page_unnamed: The page call has no name."


def test_an_error_with_details_says_these():
    """An error with a detail shows that instead of the code's meaning."""
    error = MessageRejected("id_not_string", "at userId")

    assert error.detail == "at userId"
    assert str(error) == "id_not_string: at userId"


def test_a_code_that_is_not_listed_can_not_be_used():
    """An error with an unlisted code can't be made."""
    with pytest.raises(KeyError):
        MessageFiltered("page_unamed")


def test_a_refused_request_knows_its_http_status():
    """The error carries the status of the endpoint's response."""
    error = RequestRefused(413, "body_too_large")

    assert error.status == 413
    assert error.code == "body_too_large"


@pytest.mark.parametrize(
    ("value", "code"), [(("away",), "store_unavailable"), (("over", "store_full"), "store_full")]
)
def test_an_unavailable_store_is_away_or_full(value: tuple[str, ...], code: str):
    """A full Redis and an absent one have different codes."""
    assert StoreUnavailable(*value).code == code


def test_a_refusal_says_what_helps():
    """The error carries the wait and the remedy, which depend on the response."""
    error = Refused("rate_limited", "POST /events/bulk: 429", Remedy.WAIT, wait_seconds=3.5)

    assert error.remedy == Remedy.WAIT
    assert error.wait_seconds == 3.5
    assert str(error) == "rate_limited: POST /events/bulk: 429"


def test_settings_tell_every_problem_at_its_line():
    """One error lists all problems, in the form that editors link to."""
    problems = [Problem("a.yaml", 3, 5, "unknown key"), Problem("a.yaml", 9, 1, "must be true or false")]

    error = SettingsError(problems)

    assert error.problems == problems
    assert str(error) == "a.yaml:3:5: unknown key\na.yaml:9:1: must be true or false"
