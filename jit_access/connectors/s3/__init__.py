"""S3 stores: the admin side. People's downloads and uploads go through the proxy, not through here."""
