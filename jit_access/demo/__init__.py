"""Development only: the demo cast, the demo model, an embedded registry."""
