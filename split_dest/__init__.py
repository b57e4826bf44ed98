"""split-dest: the self-hosted service between Segment and Split (Harness FME)."""

__version__ = "0.1.0"
