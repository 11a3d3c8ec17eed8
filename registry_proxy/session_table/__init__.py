"""What a proxy process knows about grants, and how old that knowledge is."""

from registry_proxy.session_table.clock import NewsClock
from registry_proxy.session_table.table import Holder, SessionTable

__all__ = ["Holder", "NewsClock", "SessionTable"]
