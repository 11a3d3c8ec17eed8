"""A Slack on this machine that behaves like the real one where it matters: it signs, repeats, times out, previews."""
