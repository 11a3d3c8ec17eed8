"""The `jit` command. Standard library only, and nothing of the gateway: it runs on machines that have only Python.

Modules import what is slow (`http.client`, `ssl`, `subprocess`) where they use it, so that `jit --version` and
the helpers that other programs start for every call come up at once.
"""
