"""How a dataclass says what the settings file may hold: a key's name, its range, and one line that explains it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """Facts about a key of the settings file that its dataclass's type and default do not say.

    Args:
        text: one line for the documents and for editors.
        key: its name in the file where it differs from the attribute's; a dot leads into a section.
        minimum: the smallest number allowed.
        above: a number that the value must exceed.
        maximum: the largest number allowed.
        required: the key must stand in the file, and a list must not be empty.
        nullable: null may stand in the file, and means the default.
        inline: the keys of this section stand in the section around it.
        example: what the documents show instead of the default, as YAML.
    """

    text: str = ""
    key: str = ""
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    required: bool = False
    nullable: bool = False
    inline: bool = False
    example: str = ""

    def path(self, attribute: str) -> list[str]:
        """Return the names that lead to the key from its section; *attribute* is the field's own name."""
        return (self.key or attribute).split(".")

    @property
    def limits(self) -> str:
        """Return the range in words; empty: there is none."""
        if self.above is not None:
            return f"greater than {self.above}"
        if self.maximum is not None:
            return f"between {self.minimum} and {self.maximum}"
        return "" if self.minimum is None else f"at least {self.minimum}"


def setting(default: Any, text: str = "", *, shown: bool = True, **options: Any) -> Any:
    """Return a dataclass's field for a key of the settings file.

    Args:
        default: its value where the file does not have the key.
        text: see ``Setting``.
        shown: False keeps the value out of the dataclass's repr.
        **options: see ``Setting``.
    """
    metadata = {"setting": Setting(text, **options)}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata, repr=shown)
    return field(default=default, metadata=metadata, repr=shown)
