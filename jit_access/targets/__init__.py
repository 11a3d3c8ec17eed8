"""Registries and clusters we guard, and the repositories they hold."""
