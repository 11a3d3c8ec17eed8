"""Tells agents' own servers that something of theirs changed: ids and states, signed, at least once.

It never sends a secret, never follows a redirect, never connects to a private address unless a setting says so, and
decides nothing: whoever gets a message asks the API what is true now.
"""
