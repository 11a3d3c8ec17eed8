"""The real control plane on the other core: database, Valkey, web and publisher, with grants made through services."""
