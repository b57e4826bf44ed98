"""Keys, event type ids and attribute ids that Split accepts."""

import json
import re
import time
import unicodedata
from decimal import Decimal

import orjson
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from split_dest.split.limits import attribute_id, attribute_stem, event_type_id, is_recognizable, key
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
        (-(2**63), "-9223372036854775808"),
        (999_999_999_999_999.0, "999999999999999"),
        (9_007_199_254_740_991, "9007199254740991"),
        (0.1, "0.1"),
        (123456.789012345, "123456.789012345"),
        (-0.0, "0"),
    ],
)
def test_a_text_or_a_number_is_a_key(value: object, expected: str):
    """A number becomes its digits; a string stays as it is, with the blanks at its ends."""
    assert key(value) == expected


@pytest.mark.parametrize(
    "text",
    [
        "18446744073709551616",
        "12345678901234567890123",
        "-9223372036854775809",
        "9007199254740993.0",
        "9007199254740992.5",
        "-9007199254740992.0",
        "9007199254740991.4",
        "4503599627370497.3",
        "-4503599627370497.3",
        "1e15",
        "1e16",
        "1e22",
        "1.1234567890123456789",
        "123456789.12345678",
        "0.1e-6",
    ],
)
def test_a_number_whose_digits_are_lost_is_no_key(text: str):
    """What the parser rounded could be another's key."""
    assert key(orjson.loads(text)) is None
    assert key(json.loads(text)) is None


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_number_that_is_a_key_is_the_one_that_was_sent(sent: Decimal):
    """The key spells the number in the JSON text, or there is none, but for a fraction that nobody sees."""
    assume(len(sent.as_tuple().digits) <= 15 or sent == sent.to_integral_value())
    result = key(orjson.loads(f"{sent:f}"))

    assert result is None or Decimal(result) == sent


@pytest.mark.parametrize("value", ["\ufffd", "u\ufffd1"])
def test_what_was_no_text_is_no_key(value: str):
    """Two ids that differ only in what was replaced would be one key."""
    assert key(value) is None


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


@given(
    st.text("ab1-_. $ñ", max_size=30),
    st.text("ab1-_. $ñ", max_size=8),
    st.integers(0, 30),
)
def test_a_stem_is_all_that_an_attribute_id_needs_of_a_beginning(begin: str, end: str, times: int):
    """Whatever follows, the attribute id is the same, and the stem is short."""
    begin *= times
    stem = attribute_stem(begin)

    assert attribute_id(f"{begin}.{end}") == attribute_id(f"{stem}.{end}")
    assert len(stem) <= 201


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Order Completed!", True),
        ("Köp slutfört", True),
        ("Płatność", True),
        ("Café créé", True),
        ("100 %", True),
        ("Cafe\u0301 cre\u0301e\u0301", True),
        ("Köp slutfört 🛒", True),
        ("Ajouté à la liste", True),
        ("Pedido nº 1", True),
        ("Home > Cart", True),
        ("A | B", True),
        ("$$ Order: Completed!", True),
        ("Sign-up (step 1)", True),
        ("Quantity -1", True),
        ("C#", True),
        ("", True),
        ("  ", True),
        ("구매 VIP", False),
        ("해지 VIP", False),
        ("购买VIP", False),
        ("Шаг 1", False),
        ("Покупка VIP", False),
        ("شراء VIP", False),
        ("\uff36\uff29\uff30 x", False),
        ("éàüó x", False),
        ("구매", False),
        ("!!!", False),
        ("x" * 200, True),
        ("x" * 200 + "é" * 200, True),
        ("x" * 200 + "é" * 201, False),
        ("구매 Premium", False),
        ("해지 Premium Plan Checkout", False),
        ("购买Premium", False),
        ("買 VIP", False),
        ("賣 VIP", False),
        ("Да VIP", False),
        ("Я Premium", False),
        ("खरीद VIP", False),
        ("बंद VIP", False),
        ("ซื้อ VIP", False),
        ("Level\u0663", False),
        ("Area m²", False),
        ("👍 VIP", False),
        ("👎 VIP", False),
        ("VIP 👎🏽", False),
        ("✓ Order", False),
        ("Revenue €", False),
        ("10€", False),
        ("+1", False),
        ("-1", False),
        ("+10 points", False),
        ("-10 points", False),
        ("\u221210 points", False),
        ("Rating > 5", False),
        ("Rating <5", False),
        ("C++", False),
    ],
)
def test_a_name_of_which_little_is_left_is_told_apart(name: str, expected: bool):
    """What is lost must not be what tells two names apart; what is cut off the end may go."""
    assert is_recognizable(name) == expected


@given(st.text(st.characters(max_codepoint=127, exclude_characters="-+<>~$^`")), st.sampled_from(["", " ", "!"]))
def test_an_ascii_name_is_recognizable(name: str, end: str):
    """No letter of ASCII is lost, and what has no letters or symbols is recognizable by the rest."""
    has_any = event_type_id(name + end, sanitize=True) is not None

    assert is_recognizable(name + end) == (has_any or not (name + end).strip())


def test_a_long_name_costs_little_time():
    """A long name is judged by its beginning."""
    started = time.process_time()

    assert [is_recognizable("ж" * 1_000_000 + "x") for _ in range(5)] == [False] * 5
    assert time.process_time() - started < 2


@given(
    st.text(st.characters(min_codepoint=128, categories=["Lo", "Nd", "Nl", "No"]), min_size=1, max_size=3),
    st.lists(st.from_regex(r"[a-zA-Z]{1,10}", fullmatch=True), min_size=1, max_size=5),
    st.integers(0, 5),
    st.sampled_from(["", " "]),
)
def test_no_word_of_another_script_is_lost(word: str, others: list[str], place: int, between: str):
    """Wherever it stands, with blanks or without: what it says may be all that differs."""
    assume(not any(unicodedata.name(char, "").startswith("LATIN ") or char in "ªº" for char in word))
    assert not is_recognizable(between.join([*others[:place], word, *others[place:]]))


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
