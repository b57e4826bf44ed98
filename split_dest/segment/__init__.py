"""Segment's side, pure: what a message is, its time and id, how a body holds messages, how it is signed."""
