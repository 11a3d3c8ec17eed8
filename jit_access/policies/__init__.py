"""Versioned Cedar policies, and the one question they answer."""
