"""Split's side, pure: events and identities, and the limits that Split sets on their parts."""
