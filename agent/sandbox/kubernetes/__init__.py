"""A stand-in Kubernetes API server with controllers and pods that answer HTTP.

It is a stranger to the agent and shares no code with it. What it can and can't do is written down in
docs/reference/sandbox.md; why it is our own, in docs/adr/0005-own-sandbox.md.
"""

from agent.sandbox.kubernetes.api import Recorded
from agent.sandbox.kubernetes.cluster import SandboxCluster
from agent.sandbox.kubernetes.errors import ApiError
from agent.sandbox.kubernetes.faults import Fault

__all__ = ["ApiError", "Fault", "Recorded", "SandboxCluster"]
