"""S3: signatures verified here, and made anew for the store."""
