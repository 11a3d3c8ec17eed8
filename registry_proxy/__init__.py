"""The data plane: one thin asyncio process between clients and registries.

It decides nothing by itself: the gate answers from signed session views that the control plane pushed. It imports
`jit_access.domain` and nothing else of ours, and never Django, Celery or a database driver.
"""
