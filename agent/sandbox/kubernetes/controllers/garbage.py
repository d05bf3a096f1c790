"""The garbage collector: dependents go when their last owner is gone, or first, when deletion is in the foreground."""

from __future__ import annotations

from agent.sandbox.kubernetes.controllers.base import Controller
from agent.sandbox.kubernetes.objects import Key, Obj, is_terminating, key_of, meta
from agent.sandbox.kubernetes.store import Change

_FINALIZERS = {"foregroundDeletion", "orphan"}


class Garbage(Controller):
    """Deletes what nobody owns any more."""

    delay = 0.03

    def heard(self, change: Change) -> None:
        """Owners that are gone or going, and dependents that are gone or new."""
        uid = str(meta(change.object).get("uid", ""))
        if change.type == "DELETED" or _FINALIZERS & set(meta(change.object).get("finalizers") or ()):
            self.enqueue(("", uid))
        for reference in meta(change.object).get("ownerReferences") or ():
            if change.type != "MODIFIED":
                self.enqueue(("", str(reference.get("uid", ""))))

    def sync(self, key: Key) -> None:
        """Looks after the dependents of one owner."""
        uid, things = key[1], [thing for _, thing in self.store.all()]
        owner = next((thing for thing in things if meta(thing)["uid"] == uid), None)
        dependents = [
            thing
            for thing in things
            if any(reference.get("uid") == uid for reference in meta(thing).get("ownerReferences") or ())
        ]
        if owner is None:
            self._collect(uid, dependents, {meta(thing)["uid"] for thing in things})
            return
        finalizers = list(meta(owner).get("finalizers") or ()) if is_terminating(owner) else []
        if "orphan" in finalizers:
            for thing in dependents:
                self._let_go(thing, uid)
            self._release(owner, "orphan")
        elif "foregroundDeletion" in finalizers:
            for thing in dependents:
                if not is_terminating(thing):
                    self.writes.delete(thing, propagation="Foreground")
            if not any(_blocks(thing, uid) for thing in dependents):
                self._release(owner, "foregroundDeletion")

    def _collect(self, uid: str, dependents: list[Obj], living: set[str]) -> None:
        """The owner is gone: what nobody else owns goes too."""
        for thing in dependents:
            if {reference.get("uid") for reference in meta(thing)["ownerReferences"]} & living:
                self._let_go(thing, uid)
            elif not is_terminating(thing):
                self.writes.delete(thing)

    def _let_go(self, thing: Obj, uid: str) -> None:
        left = [reference for reference in meta(thing)["ownerReferences"] if reference.get("uid") != uid]
        about = {name: value for name, value in meta(thing).items() if name != "ownerReferences"}
        about |= {"ownerReferences": left} if left else {}
        self.writes.change(thing["kind"], key_of(thing), metadata=about)

    def _release(self, owner: Obj, finalizer: str) -> None:
        left = [item for item in meta(owner)["finalizers"] if item != finalizer]
        about = {name: value for name, value in meta(owner).items() if name != "finalizers"}
        about |= {"finalizers": left} if left else {}
        self.writes.change(owner["kind"], key_of(owner), metadata=about)


def _blocks(thing: Obj, uid: str) -> bool:
    return any(item.get("uid") == uid and item.get("blockOwnerDeletion") for item in meta(thing)["ownerReferences"])
