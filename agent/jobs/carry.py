"""An update that leaves alone what isn't ours: the rendered config.xml with the server's own parts put back.

Carried over: `<actions>` (what Declarative remembers) and what the Jenkinsfile's last run added, an operator's
`<disabled>`, what people and plugins draw (views, icon), properties of types that Headway never writes, and the id of a
multibranch source, without which Jenkins would build every branch again.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from xml.etree.ElementTree import Element, SubElement

from agent.jobs.difference import OURS
from agent.jobs.settings import CARRIED, PARAMETERS, TRIGGERS, tracked
from agent.jobs.xmltext import read, write

_SOURCE_ID = "sources/data/jenkins.branch.BranchSource/source/id"


def carried(desired: str, actual: Element, *, disabled: bool | None = None) -> str:
    """What to send so that the job becomes as desired and keeps what isn't ours.

    Args:
        desired: the rendered config.xml, with its marker.
        actual: the root of what the server has.
        disabled: None keeps the server's switch; else what it becomes.

    Returns:
        `desired` itself, byte for byte, where there is nothing to carry.
    """
    root = read(desired)
    changed = _carry_elements(root, actual, disabled=disabled)
    changed |= _carry_properties(root, actual)
    known = tracked(actual)
    changed |= _carry_listed(
        root, actual, (PARAMETERS, "parameterDefinitions"), lambda one: one.findtext("name") in known.parameters
    )
    changed |= _carry_listed(root, actual, (TRIGGERS, "triggers"), lambda one: one.tag in known.triggers)
    changed |= _carry_source_id(root, actual)
    return write(root) if changed else desired


def is_disabled(root: Element) -> bool:
    """Whether the job builds nothing at the moment."""
    return (root.findtext("disabled") or "").strip() == "true"


def _carry_elements(root: Element, actual: Element, *, disabled: bool | None) -> bool:
    changed = False
    for tag in CARRIED:
        theirs = actual.find(tag)
        if tag == "disabled" and disabled is not None:
            theirs = Element("disabled")
            theirs.text = "true" if disabled else "false"
        ours = root.find(tag)
        if theirs is None or (tag == "disabled" and ours is None and theirs.text != "true") or _is_empty(theirs):
            continue
        copy = deepcopy(theirs)
        copy.tail = "\n  "
        if ours is not None:
            root[list(root).index(ours)] = copy
        else:
            root.append(copy)
            copy.tail = "\n"
        changed = True
    return changed


def _is_empty(element: Element) -> bool:
    return not len(element) and not (element.text or "").strip()


def _carry_properties(root: Element, actual: Element) -> bool:
    ours = root.find("properties")
    known = tracked(actual).properties
    foreign = [
        one
        for one in actual.findall("properties/*")
        if not OURS.fullmatch(one.tag) or (one.tag in known and root.find(f"properties/{one.tag}") is None)
    ]
    if not foreign or ours is None:
        return False
    for one in foreign:
        copy = deepcopy(one)
        copy.tail = "\n  "
        ours.append(copy)
    return True


def _carry_listed(
    root: Element, actual: Element, where: tuple[str, str], is_tracked: Callable[[Element], bool]
) -> bool:
    """Puts back the parameters or triggers that stand in the Jenkinsfile alone.

    Without them `buildWithParameters` answers 500 until a plain build has brought them back.
    """
    tag, list_tag = where
    theirs = actual.find(f"properties/{tag}/{list_tag}")
    properties = root.find("properties")
    if theirs is None or properties is None:
        return False
    items = theirs.find("a") if theirs.find("a") is not None else theirs
    have = {(one.tag, one.findtext("name")) for one in root.iterfind(f"properties/{tag}/{list_tag}/*")}
    missing = [one for one in (items if items is not None else ()) if is_tracked(one)]
    missing = [one for one in missing if (one.tag, one.findtext("name")) not in have]
    if not missing:
        return False
    ours = properties.find(tag)
    if ours is None:
        ours = SubElement(properties, tag)
        ours.tail = "\n  "
    listed = ours.find(list_tag)
    if listed is None:
        listed = SubElement(ours, list_tag)
    listed.extend(deepcopy(one) for one in missing)
    return True


def _carry_source_id(root: Element, actual: Element) -> bool:
    ours, theirs = root.findall(_SOURCE_ID), actual.findall(_SOURCE_ID)
    if len(ours) != 1 or len(theirs) != 1 or not theirs[0].text or ours[0].text == theirs[0].text:
        return False
    if root.findtext(_SOURCE_ID.replace("/id", "/remote")) != actual.findtext(_SOURCE_ID.replace("/id", "/remote")):
        return False
    ours[0].text = theirs[0].text
    return True
