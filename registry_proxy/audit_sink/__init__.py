"""Where the proxy's audit records become durable: a local write-ahead spool, shipped to the control plane.

`accept` returns only after fdatasync (ADR 0003); whatever fails on that way is a refusal. Shipping is at least once,
the control plane counts each record id once. Nothing here ever answers "recorded" for what a SIGKILL could lose.
"""

from registry_proxy.audit_sink.sink import AuditSink
from registry_proxy.audit_sink.spool import AuditUnavailable

__all__ = ["AuditSink", "AuditUnavailable"]
