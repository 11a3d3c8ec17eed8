"""Leases: short-lived tokens, each bound to one grant."""
