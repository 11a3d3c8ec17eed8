"""Where every request and every running stream is decided, from what the control plane pushed.

Order of a decision: is our knowledge fresh, is the token known, does its view allow now, does the scope cover each
thing wanted, is there budget left. Anything unknown is a no with a reason.
"""

from registry_proxy.control_client import TargetFacts
from registry_proxy.gate.gate import Gate
from registry_proxy.gate.watches import Watch
from registry_proxy.protocols.wanted import Admission, Refusal

__all__ = ["Admission", "Gate", "Refusal", "TargetFacts", "Watch"]
