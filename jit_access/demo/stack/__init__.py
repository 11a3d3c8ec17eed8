"""The whole gateway on one machine: every process started in order, watched, and stopped in reverse.

For development and for the flow tests. Production uses compose or Kubernetes (`docker/`).
"""
