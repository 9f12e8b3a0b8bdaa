"""Messages sent out when a run ends."""
