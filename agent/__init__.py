"""Headway: deploys microservices to Kubernetes from Jenkins, and takes a bad release back.

`agent.spec` and the other cores decide and do no I/O, `agent.adapters` act, `agent.operations` order the two,
`agent.cli` talks to people. The map of the house is docs/explanation/architecture.md.
"""

__version__ = "0.1.0"
