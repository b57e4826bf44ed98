"""Where the embedded Redis keeps its data."""

import os
from pathlib import Path

import pytest

from split_dest import config
from tests.config.conftest import DESTINATION, VARIABLES


@pytest.mark.parametrize(
    ("setting", "folder"),
    [
        ("", "etc/var/redis"),
        ("data", "etc/data"),
        ("../data", "data"),
        ("./a/../b", "etc/b"),
        ("/srv/data", "/srv/data"),
    ],
)
def test_a_relative_folder_is_relative_to_the_settings_file(tmp_path, monkeypatch, setting, folder):
    """Wherever a command runs, it finds the same Redis."""
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "settings.yaml"
    file.write_text(DESTINATION + (f"redis: {{data_dir: {setting}}}\n" if setting else ""))
    monkeypatch.chdir(tmp_path)

    absolute = config.load(file, VARIABLES).redis.data_dir
    relative = config.load(Path("etc/settings.yaml"), VARIABLES).redis.data_dir

    assert absolute == str(tmp_path / folder)
    assert os.path.abspath(relative) == absolute


def test_the_settings_for_development_keep_it_beside_config():
    """``make clean`` removes ``var`` of the project's folder."""
    environ = {"WEB_DEVELOPMENT_SECRET": "a-secret", "SPLIT_SDK_KEY": "sdk-key", "SPLIT_ADMIN_KEY": "admin-key"}

    assert config.load(Path("config/development.yaml"), environ).redis.data_dir == os.path.normpath("var/redis")
