"""The REST API, version 1, and the internal endpoints of the proxies. Translates, never decides."""
