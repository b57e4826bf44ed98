"""The reference of the settings is made from them, and what it shows is true."""

import re
import subprocess
import sys
from pathlib import Path

from split_dest import config
from split_dest.mapping.setting import Setting
from tests.config.test_contract import REQUIRED
from tests.support.documented import VARIABLES

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def shown() -> str:
    """Return the settings file that the page shows."""
    return re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)[0]


def test_the_page_is_up_to_date():
    """``make docs`` writes it again."""
    command = [sys.executable, "-m", "split_dest.config.reference"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert printed == PAGE.read_text()


def test_the_values_of_the_page_are_the_defaults(tmp_path):
    """The file that it shows loads to the settings of a file with nothing but what is required."""
    page, required = tmp_path / "page.yaml", tmp_path / "required.yaml"
    page.write_text(shown())
    required.write_text(REQUIRED)

    assert config.load(page, VARIABLES) == config.load(required, VARIABLES)


def test_the_page_names_the_limits():
    """Beside each number stands its range, and the lengths that Split takes have a table."""
    text = PAGE.read_text()

    assert re.search(r"dedupe_hours: 24 .*\(between 0 and 720\)\n", text)
    assert re.search(r"batch_max_events: 1000 .*\(between 1 and 5000\)\n", text)
    assert re.search(r"give_up_hours: 24 .*\(greater than 0\)\n", text)
    assert re.search(r"\n\| a key.* \| 250;", text)


def test_every_key_is_explained():
    """Each key of the page has a comment, but for sections and names."""
    bare = [line for line in shown().splitlines() if ": " in line and " # " not in line]

    assert [line.strip() for line in bare] == [
        "userId: user",
        "anonymousId: anonymous",
        "user: userId",
        "anonymous: anonymousId",
    ]


def test_limits_are_put_in_words():
    """As they stand on the page and in the messages."""
    assert Setting(minimum=1, maximum=5).limits == "between 1 and 5"
    assert Setting(minimum=0).limits == "at least 0"
    assert Setting(above=0).limits == "greater than 0"
    assert Setting().limits == ""
