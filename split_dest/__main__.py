"""``python -m split_dest``, the same as ``split-dest``."""

from split_dest.cli import main

main()
