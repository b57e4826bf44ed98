"""The proving ground: whatever breaks, what was acknowledged is delivered, filtered or kept as a dead letter."""
