"""The RQ side: the drain job, the worker that runs it, and the watchdog that wakes lanes."""
