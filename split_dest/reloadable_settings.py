"""The settings of a process that runs for long: read again on SIGHUP, and a bad file changes nothing."""

from dataclasses import dataclass

from split_dest import config, logs
from split_dest.config.settings import Settings
from split_dest.errors import SettingsError


@dataclass(slots=True)
class ReloadableSettings:
    """The settings that were good when they were read last."""

    settings: Settings

    def read_again(self) -> bool:
        """Read the file, and the files that variables name, once more; False: they can't be used.

        The log tells what is wrong, and the settings stay as they are. That they are good the caller logs, as
        ``settings_read``, once they are in use.
        """
        try:
            settings = config.load()
        except SettingsError as error:
            logs.error("settings_refused", problems=[str(problem) for problem in error.problems])
            return False
        if settings.redis.prefix != self.settings.redis.prefix:
            # RQ keeps the one that it was imported with.
            logs.error("settings_refused", problems=["redis.prefix has changed, which takes a restart"])
            return False
        self.settings = settings
        return True
