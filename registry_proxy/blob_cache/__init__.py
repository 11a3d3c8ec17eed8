"""Bodies that never change, kept on disk by their digest, so that a registry is asked for them once.

Nothing here decides who may have what: a hit comes after the gate's yes, after the record is durable and after the
reach of a restricted scope, in the place of the registry's answer. Rules:

- only a whole body that hashed to the digest it was asked by is kept, and only under an atomic rename;
- a body is served for a repository only after its registry showed, not long ago, that this repository holds it: the
  same digest in somebody else's repository proves nothing;
- what was promised in bytes holds for all workers that share the folder, drafts included;
- every slice is asked about and can be cut, exactly as if it came from the registry.
"""

from registry_proxy.blob_cache.cache import BlobCache, Found
from registry_proxy.blob_cache.filling import Tap
from registry_proxy.blob_cache.sending import Sending

__all__ = ["BlobCache", "Found", "Sending", "Tap"]
