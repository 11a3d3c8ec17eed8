"""Fault injection: `python -m benchmarks.faults --count 1000 --seed 1`.

A real control plane (web, database, publisher), a real Valkey and two real proxies, with somebody breaking a part at a
time while a grant is revoked. After each injection a model is asked: was anything let through that must not have been?
"""
