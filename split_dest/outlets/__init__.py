"""The only code that talks to Split and to Segment over HTTP."""
