"""OCI Distribution v2."""
