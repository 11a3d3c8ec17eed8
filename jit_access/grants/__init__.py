"""Time-boxed entitlements: activate, suspend, expire, revoke, relinquish."""
