"""The door to Jenkins: python-jenkins, fenced; one connection pool, our own retries, errors by status."""

from agent.adapters.jenkins.client import JenkinsServer
from agent.adapters.jenkins.connection import Connection

__all__ = ["Connection", "JenkinsServer"]
