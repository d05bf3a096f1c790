"""A stand-in Jenkins over real HTTP on loopback, in memory: it answers as the recorded 2.504.3 did.

`SandboxJenkins` starts it; docs/reference/sandbox-jenkins.md says what it does and what it does not. It is a stranger
to the agent: it imports nothing of it.
"""

from agent.sandbox.jenkins.access import Account
from agent.sandbox.jenkins.faults import Fault
from agent.sandbox.jenkins.sandbox import SandboxJenkins
from agent.sandbox.jenkins.service import Seen

__all__ = ["Account", "Fault", "SandboxJenkins", "Seen"]
