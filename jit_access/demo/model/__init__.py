"""DEMO ONLY: makes small models that real tools accept, and puts them into the demo's registry."""
