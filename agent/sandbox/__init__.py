"""An embedded Kubernetes and Jenkins on loopback. A stranger to the agent: it imports nothing of it."""
