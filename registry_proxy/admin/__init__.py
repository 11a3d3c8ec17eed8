"""The operators' own small page: alive, ready, metrics. It listens apart from the clients' ports.

How it is spoken is here; what it says is the worker's (`server.admin`) or the parent's (`supervisor.page`).
"""

from registry_proxy.admin.speaking import AdminConnection, AdminPage, readiness_answer

__all__ = ["AdminConnection", "AdminPage", "readiness_answer"]
