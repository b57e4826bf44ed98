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
    """A code can stand in a metric's label, and its meaning in front of a person."""
    assert code.replace("_", "").isalpha()
    assert code == code.lower()
    assert REASONS[code].endswith(".")


@pytest.mark.parametrize("kind", [SplitDestError, MessageRejected, MessageFiltered])
def test_an_error_without_details_says_what_its_code_means(kind: type[SplitDestError]):
    """Nobody has to look a code up."""
    error = kind("page_unnamed")

    assert error.code == "page_unnamed"
    assert error.detail == "The page call has no name."
    assert str(error) == "page_unnamed: The page call has no name."


def test_an_error_with_details_says_these():
    """The place of a fault is told instead of the general meaning."""
    error = MessageRejected("id_not_string", "at userId")

    assert (error.detail, str(error)) == ("at userId", "id_not_string: at userId")


def test_a_code_that_is_not_listed_can_not_be_used():
    """A misspelt reason code shows at once."""
    with pytest.raises(KeyError):
        MessageFiltered("page_unamed")


def test_a_refused_request_knows_its_http_status():
    """The door answers with the status that the error carries."""
    error = RequestRefused(413, "body_too_large")

    assert (error.status, error.code) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("given", "code"), [(("away",), "store_unavailable"), (("over", "store_full"), "store_full")]
)
def test_an_unavailable_store_is_away_or_full(given: tuple[str, ...], code: str):
    """A full Redis and an absent one are told apart."""
    assert StoreUnavailable(*given).code == code


def test_a_refusal_says_what_helps():
    """Wait and remedy are decided where the answer is known, and only read later."""
    error = Refused("rate_limited", "POST /events/bulk: 429", Remedy.WAIT, wait_seconds=3.5)

    assert (error.remedy, error.wait_seconds) == (Remedy.WAIT, 3.5)
    assert str(error) == "rate_limited: POST /events/bulk: 429"


def test_settings_tell_every_problem_at_its_line():
    """One run shows all that is wrong, in the form that editors jump to."""
    problems = [Problem("a.yaml", 3, 5, "unknown key"), Problem("a.yaml", 9, 1, "must be true or false")]

    error = SettingsError(problems)

    assert error.problems == problems
    assert str(error) == "a.yaml:3:5: unknown key\na.yaml:9:1: must be true or false"
