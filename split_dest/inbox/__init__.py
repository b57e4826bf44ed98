"""The queue. The only package that knows Redis keys: docs/design.md lists them all.

All times are Redis's own, in milliseconds, so that the clocks of the other machines do not matter.
"""
