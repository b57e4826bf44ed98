"""The web process: one file an endpoint."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from split_dest.config.settings import Settings


def create_app(settings: "Settings | None" = None) -> "Flask":
    """Return the web application.

    Args:
        settings: None: those that the environment names.
    """
    # Not at the top: gunicorn imports this package on its way to the configuration, and that has to patch the
    # standard library before anything else is imported.
    from split_dest.web import app

    return app.create(settings)
