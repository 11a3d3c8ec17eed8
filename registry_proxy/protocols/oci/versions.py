"""The field by which clients know a registry of API version 2 (distribution-spec 1.1, "Determining Support")."""

API_VERSION = (b"docker-distribution-api-version", b"registry/2.0")
