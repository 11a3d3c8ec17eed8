"""The gateway and who it is measured against. Each peer is configured as well as its own manual says."""
