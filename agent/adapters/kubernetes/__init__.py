"""The Kubernetes API: the official client as the door (connection), raw JSON and our own watches behind it.

`connect` is what commands call; nothing else of this package is meant for outside. Importing it costs nothing; the
official client is imported by the first `connect`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.ports import Clock, Cluster


def connect(context: str | None, *, clock: Clock) -> Cluster:
    """A cluster, by the name of a context in the kubeconfig; nothing is sent yet.

    KUBECONFIG names the files, else ~/.kube/config; without one, in a pod, its service account is used.

    Args:
        context: as in `kubectl --context`; None: the current context.
        clock: time.

    Raises:
        UsageError: an unknown context, or a kubeconfig that is none.
        RemoteError: no kubeconfig, or one that can't be read.
        UnauthorizedError: the credential plugin gave nothing.
    """
    from agent.adapters.kubernetes.cluster import KubernetesCluster
    from agent.adapters.kubernetes.connection import Connection
    from agent.adapters.kubernetes.transport import HttpTransport

    connection = Connection(context)
    return KubernetesCluster.over(connection, HttpTransport(connection), clock)
