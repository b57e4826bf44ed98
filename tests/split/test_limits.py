"""Keys, event type ids and attribute ids that Split accepts."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from split_dest.split.limits import attribute_id, event_type_id, key
from tests.support.strategies import json_values, texts

EVENT_TYPE_ID = re.compile(r"^[a-zA-Z0-9][-_.:a-zA-Z0-9]{0,79}\Z")
ATTRIBUTE_ID = re.compile(r"^[a-zA-Z][-_a-zA-Z0-9]{0,199}\Z")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("u1", "u1"),
        (" u1 ", " u1 "),
        ("k" * 250, "k" * 250),
        ("ユーザー" * 50, "ユーザー" * 50),
        (42, "42"),
        (-7, "-7"),
        (0, "0"),
        (42.0, "42"),
        (1.5, "1.5"),
        (2**64 - 1, "18446744073709551615"),
    ],
)
def test_a_text_or_a_finite_number_is_a_key(value: object, expected: str):
    """A number becomes its digits; a string stays as it is, with the blanks at its ends."""
    assert key(value) == expected


@pytest.mark.parametrize(
    "value",
    ["", " ", "\t\n\u2003", "k" * 251, True, False, None, [], ["u1"], {}, float("nan"), float("inf"), 1e300],
)
def test_anything_else_is_no_key(value: object):
    """Blank and overlong strings, booleans, NaN, arrays and objects are no keys."""
    assert key(value) is None


@pytest.mark.parametrize(
    ("name", "sanitized", "strict"),
    [
        ("sample event", "sample_event", "sample_event"),
        ("  two  spaces ", "two__spaces", "two__spaces"),
        ("product.added-to_cart:v2", "product.added-to_cart:v2", "product.added-to_cart:v2"),
        ("A", "A", "A"),
        ("9lives", "9lives", "9lives"),
        ("e" * 80, "e" * 80, "e" * 80),
        ("e" * 81, "e" * 80, None),
        ("$$ Order: Completed!", "Order:_Completed_", None),
        ("_x", "x", None),
        (".-:x", "x", None),
        ("[x]", "x_", None),
        ("a!?b", "a_b", None),
        ("Köp slutfört", "K_p_slutf_rt", None),
        ("\u0661\u0662", None, None),
        ("order\nplaced", "order_placed", None),
        ("order\n", "order", "order"),
        ("", None, None),
        ("   ", None, None),
        ("!!!", None, None),
    ],
)
def test_a_name_makes_an_event_type_id(name: str, sanitized: str | None, strict: str | None):
    """Spaces become underscores; other illegal characters are replaced, or make the name invalid."""
    assert event_type_id(name, sanitize=True) == sanitized
    assert event_type_id(name, sanitize=False) == strict


@pytest.mark.parametrize(("sanitize", "expected"), [(True, "e" * 63), (False, None)])
def test_the_length_of_an_event_type_id_is_a_setting(sanitize: bool, expected: str | None):
    """Accounts that follow Split's strict wording get 63 characters."""
    assert event_type_id("e" * 64, sanitize=sanitize, max_chars=63) == expected
    assert event_type_id("e" * 63, sanitize=sanitize, max_chars=63) == "e" * 63


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plan", "plan"),
        ("first name", "first_name"),
        ("total  billed", "total_billed"),
        ("a.b", "a_b"),
        ("$email", "email"),
        ("__-x-", "x-"),
        ("2fa", "trait_2fa"),
        ("Año", "A_o"),
        ("a" * 201, "a" * 200),
        ("1" * 200, "trait_" + "1" * 194),
        ("", None),
        ("$", None),
        ("ñ", None),
        ("-_-", None),
    ],
)
def test_a_trait_makes_an_attribute_id(name: str, expected: str | None):
    """An attribute id starts with a letter and has only legal characters; a name without any makes none."""
    assert attribute_id(name) == expected


@given(st.one_of(json_values, st.floats(), st.text(max_size=300)))
def test_every_key_made_is_legal(value: object):
    """A key is neither blank nor over 250 characters, and is a key of itself."""
    result = key(value)

    assert result is None or (result.strip() and len(result) <= 250 and key(result) == result)


@given(st.one_of(st.text(), texts), st.booleans(), st.integers(1, 80))
@example("a" * 79 + " b", True, 80)
def test_every_event_type_id_made_is_legal_and_stable(name: str, sanitize: bool, max_chars: int):
    """An event type id is legal for Split, and mapping it again changes nothing."""
    result = event_type_id(name, sanitize=sanitize, max_chars=max_chars)

    if result is not None:
        assert EVENT_TYPE_ID.match(result)
        assert len(result) <= max_chars
        for again in (True, False):
            assert event_type_id(result, sanitize=again, max_chars=max_chars) == result


@given(st.one_of(st.text(), texts))
def test_every_attribute_id_made_is_legal_and_stable(name: str):
    """An attribute id is legal for Split, and mapping it again changes nothing."""
    result = attribute_id(name)

    assert result is None or (ATTRIBUTE_ID.match(result) and attribute_id(result) == result)
