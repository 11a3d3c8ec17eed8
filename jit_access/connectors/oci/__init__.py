"""OCI Distribution v2 registries: the admin side. People's pulls and pushes go through the proxy, not through here."""
