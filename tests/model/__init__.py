"""The protocol of a delivery as a Promela model, of which spin searches all states."""
