"""Signed tokens of others: read strictly, by keys that are fetched in bounds. No token says how it is read."""
