"""The leg to the registry: guarded addresses, pooled connections, strict responses, the injected credential.

A registry is a peer that may be hostile: it names realms, redirects and body lengths. None of them is believed.
"""
