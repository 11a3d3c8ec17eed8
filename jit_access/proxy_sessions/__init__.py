"""What the proxies know: session views, their outbox, and the news stream."""
