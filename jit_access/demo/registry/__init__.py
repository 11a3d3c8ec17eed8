"""DEMO ONLY: a small file-backed OCI registry, for machines without a real one.

Serves what skopeo and oras need to pull and push (OCI distribution-spec 1.1): manifests, blobs with ranges, monolithic
and chunked uploads, mounts, tags, catalogue, referrers. No garbage collection, no clustering, one process.
"""
