"""Server-rendered pages. Translates, never decides."""
