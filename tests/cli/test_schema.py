"""The JSON Schema of the settings file."""

from tests.support.commands import REPOSITORY


def test_the_schema_that_editors_use_is_up_to_date(typed):
    """``make docs`` writes config/settings.schema.json again."""
    result = typed("schema")

    assert result.code == 0
    assert result.out == (REPOSITORY / "config" / "settings.schema.json").read_text()
