"""Split's side, pure: its records, and the limits that Split sets on their parts."""
