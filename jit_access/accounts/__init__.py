"""People, service accounts, groups and API tokens."""
