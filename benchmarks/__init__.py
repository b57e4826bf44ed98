"""What ``make bench`` runs: the service beside what one would write in an afternoon, and beside the limit."""
