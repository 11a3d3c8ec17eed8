"""What stands behind the gateway and its peers: files served by nginx, a real registry, and a sink for uploads."""
