"""What must hold for any bytes at all: one file a target, with seeds and one try.

``python -m tests.fuzz body`` lets atheris think the bytes up; test_targets.py tries seeds and a few random bytes.
"""

TARGETS = ("body", "message", "mapping", "settings", "answers")
