"""Signing in through a company's identity provider (OpenID Connect), and being signed out by it."""
