"""The door: the official client turns a kubeconfig or a service account into an address, credentials and a transport.

Nothing else of that client is used (docs/adr/0003): its typed models drop fields that they don't know (P43) and its
watch ends silently (rollout anchors, E3). Credentials are read again when their file changes, and on a 401 (P33).
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.adapters.kubernetes.errors import clean
from agent.adapters.kubernetes.kubeconfig import Chosen, choose, paths
from agent.errors import HeadwayError, RemoteError, UnauthorizedError, UsageError

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration
    from urllib3 import PoolManager

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
IN_CLUSTER = "in-cluster"


class Connection:
    """One API server, reached as one user. Safe to use from several threads.

    Attributes:
        label: the context's name.
        namespace: the namespace of the context.
        host: the server's URL, without a slash at the end.
        warnings: what people must be told about this connection.
        generation: counts how often the credentials were read.
    """

    def __init__(self, context: str | None, environment: Mapping[str, str] | None = None) -> None:
        self._environment = dict(os.environ if environment is None else environment)
        self._context = context
        self._lock = threading.RLock()
        self._stamps: dict[Path, tuple[int, int]] = {}
        self.generation = 0
        self._load()

    def __repr__(self) -> str:
        return f"Connection({self.label!r}, {self.host!r})"

    @property
    def pool(self) -> PoolManager:
        """The connections, with TLS, client certificate and proxy set up."""
        return self._pool

    def headers(self) -> dict[str, str]:
        """The headers that authenticate a request; an expired token of a plugin is renewed first."""
        with self._lock:
            if self._changed():
                with contextlib.suppress(
                    HeadwayError
                ):  # half written: what we have may still do, else a 401 reads again
                    self.reload(self.generation)
            try:
                with _complaints():
                    settings: Any = self._configuration.auth_settings()
            except Exception as problem:  # noqa: BLE001  plugins, files and clouds raise anything here
                raise UnauthorizedError(
                    f"the cluster '{self.label}' was not asked: its credentials can't be renewed: {clean(str(problem))}"
                ) from None
            found = {
                str(setting["key"]).title(): str(setting["value"]).strip()
                for setting in settings.values()
                if setting.get("in") == "header" and setting.get("value")
            }
            return found | self._impersonation

    def reload(self, known: int) -> None:
        """Reads configuration and credentials again, running a credential plugin anew.

        Args:
            known: the generation that is no good; another thread may have replaced it already.
        """
        with self._lock:
            if known != self.generation:
                return
            before = self._pool
            self._load()
            before.clear()

    def close(self) -> None:
        """Closes idle connections."""
        self._pool.clear()

    def _load(self) -> None:
        """Everything from scratch, so that a rotated certificate is found as well as a rotated token."""
        files, named = paths(self._environment)
        chosen = choose(files, self._context)
        if chosen is None and named:
            raise RemoteError(
                f"no cluster was asked: KUBECONFIG names {', '.join(map(str, files))}, and there is no such file",
                hint="in Jenkins, bind the file credential that holds the kubeconfig to KUBECONFIG",
            )
        if chosen is not None:
            self._load_context(chosen)
        else:
            self._load_service_account(files[0])
        self.warnings = tuple(_worries(self.label, self._configuration))
        self._pool = _pool(self._configuration)
        self.generation += 1

    def _load_context(self, chosen: Chosen) -> None:
        """A context of a kubeconfig."""
        from kubernetes.client.configuration import Configuration
        from kubernetes.config import load_kube_config_from_dict

        configuration = Configuration()
        try:
            with _complaints() as complaints:
                load_kube_config_from_dict(  # type: ignore[no-untyped-call, unused-ignore]
                    chosen.document, chosen.context, client_configuration=configuration, persist_config=False
                )
        except Exception as problem:  # noqa: BLE001  ConfigException, but also KeyError, binascii.Error, OSError ...
            raise UsageError(
                f"the kubeconfig's context '{chosen.context}' can't be used: {clean(str(problem))}"
            ) from None
        _check_plugin(chosen, configuration, complaints)
        self.label, self.namespace, self.host = chosen.context, chosen.namespace, configuration.host.rstrip("/")
        self._configuration = configuration
        self._impersonation = _impersonation(chosen)
        self._stamps = {path: _stamp(path) for path in chosen.files}

    def _load_service_account(self, missing: Path) -> None:
        """The service account of the pod that we run in."""
        if not self._environment.get("KUBERNETES_SERVICE_HOST") or not _TOKEN_FILE.exists():
            raise RemoteError(
                f"no cluster was asked: there is no kubeconfig at {missing} and this is no pod with a service account",
                hint="set KUBECONFIG to the kubeconfig's path",
            )
        if self._context and self._context != IN_CLUSTER:
            raise UsageError(
                f"unknown context '{self._context}': there is no kubeconfig, only this pod's service account",
                hint="set KUBECONFIG, or leave the environment's `cluster` out to use the service account",
            )
        from kubernetes.client.configuration import Configuration
        from kubernetes.config import load_incluster_config

        configuration = Configuration()
        try:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call, unused-ignore]
        except Exception as problem:  # noqa: BLE001  the client's ConfigException and every OSError
            raise RemoteError(f"the pod's service account can't be used: {clean(str(problem))}") from None
        self.label, self.host = IN_CLUSTER, configuration.host.rstrip("/")
        self.namespace = _NAMESPACE_FILE.read_text(encoding="utf-8").strip() if _NAMESPACE_FILE.exists() else "default"
        self._configuration, self._impersonation = configuration, {}
        self._stamps = {_TOKEN_FILE: _stamp(_TOKEN_FILE)}

    def _changed(self) -> bool:
        """Whether a file that the credentials came from is another one now."""
        return any(_stamp(path) not in {stamp, (0, 0)} for path, stamp in self._stamps.items())


def _stamp(path: Path) -> tuple[int, int]:
    """Tells one version of a file from the next; zeros while it is away (it is being replaced)."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collects what the client logs: it swallows a plugin's failure and only logs it."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    root, listener = logging.getLogger(), Listener(logging.ERROR)
    root.addHandler(listener)
    try:
        yield said
    finally:
        root.removeHandler(listener)


def _check_plugin(chosen: Chosen, configuration: Configuration, complaints: list[str]) -> None:
    """A plugin that failed must not become an anonymous request."""
    user = chosen.user
    wanted = "exec" if "exec" in user else "auth-provider" if "auth-provider" in user else ""
    if not wanted or configuration.api_key or configuration.cert_file:
        return
    plugin = user[wanted] or {}
    name = clean(str(plugin.get("command") or plugin.get("name") or wanted))
    cause = clean("; ".join(complaints)) or "it is not supported"
    raise UnauthorizedError(
        f"the cluster '{chosen.context}' was not asked: the credential plugin '{name}' gave nothing: {cause}",
        hint="run `kubectl get pods` with the same kubeconfig to see the plugin's own words",
    )


def _impersonation(chosen: Chosen) -> dict[str, str]:
    """`as` of a user section: the client ignores it, which would grant more rights than were asked for."""
    user = chosen.user
    if user.get("as-groups") or user.get("as-user-extra"):
        raise UsageError(
            f"the user of context '{chosen.context}' has as-groups or as-user-extra, which are not supported",
            hint="`as` alone is",
        )
    return {"Impersonate-User": str(user["as"])} if user.get("as") else {}


def _worries(label: str, configuration: Configuration) -> Iterator[str]:
    """What is unsafe about the way to this server."""
    server = urlsplit(configuration.host)
    if server.scheme == "https" and not configuration.verify_ssl:
        yield (
            f"TLS is not verified for cluster '{label}' (insecure-skip-tls-verify): "
            "whoever stands between can read the token and change what is deployed"
        )
    away = server.hostname not in {"localhost", "127.0.0.1", "::1"}
    if server.scheme == "http" and away and configuration.api_key:
        yield f"the token for cluster '{label}' travels in clear text: its server is {server.scheme}://{server.hostname}"


def _pool(configuration: Configuration) -> PoolManager:
    """The client's pool, with one TLS context for all connections and keep-alive probes on each.

    A context of our own saves reading the CA and the key for every connection. The kernel's probes notice a peer that
    is gone within 19 s, before anything is sent (P30).
    """
    import urllib3
    from kubernetes.client.rest import RESTClientObject

    try:
        pool: PoolManager = RESTClientObject(configuration).pool_manager
        options = pool.connection_pool_kw
        certificate, key = options.pop("cert_file", None), options.pop("key_file", None)
        authority, data = options.pop("ca_certs", None), options.pop("ca_cert_data", None)
        context = urllib3.util.ssl_.create_urllib3_context(cert_reqs=options.get("cert_reqs"))
        if authority or data:
            context.load_verify_locations(cafile=authority, cadata=data)
        else:
            context.load_default_certs()
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ValueError, ImportError, urllib3.exceptions.HTTPError) as problem:
        cause = clean(getattr(problem, "strerror", None) or str(problem)) or type(problem).__name__
        raise UsageError(f"the kubeconfig's certificates or proxy can't be used: {cause}") from None
    options.update(ssl_context=context, socket_options=_socket_options(), maxsize=16)
    if not configuration.verify_ssl:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # said once, by `warnings`
    return pool


def _socket_options() -> list[tuple[int, int, int]]:
    """No delay, and keep-alive after 10 s of silence: 3 probes, 3 s apart."""
    import socket

    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 3), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options
