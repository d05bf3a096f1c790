"""Objects that several services of a namespace share: what another one's release names is never deleted with ours."""

from __future__ import annotations

from collections.abc import Iterable

from agent.errors import RemoteError
from agent.objects import Object, Ref, name, ref
from agent.operations.account import Account
from agent.release import owners, storage
from agent.release.ledger import Ledger

_KINDS = {kind.lower(): kind for kind in ("Deployment", "StatefulSet", "DaemonSet")}


def spared(account: Account, things: Iterable[Object], step: str) -> list[Object]:
    """Those that no other service's ledger names and no GitOps tool keeps; the others are noted and left.

    The ledgers are looked at only where there is something to delete; where they may not be listed, nothing is known of
    others.

    Args:
        account: of the operation.
        things: live objects that would be deleted.
        step: under which heading it is said.
    """
    wanted = []
    for thing in things:
        if tool := owners.gitops_owner(thing):
            account.note(step, f"{ref(thing)} is kept: {tool} has it now")
        else:
            wanted.append(thing)
    if not wanted:
        return []
    users = _users(account)
    for thing in wanted:
        if str(ref(thing)) in users:
            account.note(step, f"{ref(thing)} is kept: {users[str(ref(thing))]} has it, too")
    return [thing for thing in wanted if str(ref(thing)) not in users]


def _users(account: Account) -> dict[str, Ref]:
    """Who else has which object now: in the release that serves, or in the one that is under way."""
    namespace, own = account.place.namespace, storage.place(account.place.workload).name
    selector = f"{storage.OWNER_LABEL}={storage.OWNER}"
    try:
        there = account.tools.cluster.list("v1", "ConfigMap", namespace, labels=selector)
    except RemoteError:
        return {}
    ledgers = (_ledger(thing, namespace) for thing in there if name(thing) != own)
    return {key: ledger.workload for ledger in ledgers if ledger for key in _named(ledger)}


def _named(ledger: Ledger) -> set[str]:
    """The objects that a ledger's releases of now name, by kind and name (whatever version of the API they speak)."""
    numbers = {ledger.current, ledger.intent.release if ledger.intent else 0}
    sets = (ledger.sets.get(each.objects) for each in ledger.releases if each.number in numbers)
    return {str(ref(thing)) for content in sets if content for thing in content.objects}


def _ledger(thing: Object, namespace: str) -> Ledger | None:
    """Another workload's ledger; None where it is none, or can't be read."""
    ours, kind, workload = (*name(thing).split(".", 2), "", "")[:3]
    if ours != "headway" or kind not in _KINDS:
        return None
    try:
        return storage.decode({"kind": "ConfigMap", **thing}, Ref("apps/v1", _KINDS[kind], namespace, workload))
    except storage.LedgerError:
        return None
