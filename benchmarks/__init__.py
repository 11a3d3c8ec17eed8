"""The gateway beside its peers, measured in one go: `python -m benchmarks`. See docs/benchmarks/README.md."""
