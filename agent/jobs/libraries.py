"""Shared libraries of a Jenkins folder: written into folders that are ours, merged into those that are not. Pure.

The shape is that of the plugin pipeline-groovy-lib, as the folder's page saves it. Only libraries that a headway.yaml
names are touched, and only in our own folders one that it names no more is taken away: the marker says which were ours.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from copy import deepcopy
from xml.etree.ElementTree import Element, SubElement

from agent.jobs.difference import Difference
from agent.jobs.shapes import SharedLibrary
from agent.jobs.xmltext import escaped

PROPERTY = "org.jenkinsci.plugins.workflow.libs.FolderLibraries"
_ONE = "org.jenkinsci.plugins.workflow.libs.LibraryConfiguration"
_PLACE = f"properties/{PROPERTY}/libraries/{_ONE}"
_TRUE_BY_DEFAULT = frozenset({"allowVersionOverride", "includeInChangesets"})
_SAYS_NOTHING = frozenset({"retriever/scm/id", "retriever/clone"})


def properties(libraries: Collection[SharedLibrary], identity: str) -> str:
    """The `<properties>` of a folder.

    Args:
        libraries: in the order in which they are written.
        identity: of the folder (owner and full name): ids of sources are made from it, the same in every run.
    """
    if not libraries:
        return "  <properties/>\n"
    inner = "".join(_library(one, identity) for one in libraries)
    return (
        f'  <properties>\n    <{PROPERTY} plugin="pipeline-groovy-lib">\n      <libraries>\n{inner}'
        f"      </libraries>\n    </{PROPERTY}>\n  </properties>\n"
    )


def _library(one: SharedLibrary, identity: str) -> str:
    source = uuid.uuid5(uuid.NAMESPACE_URL, f"headway-library:{identity}:{one.name}")
    path = one.path.rstrip("/") + "/" if one.path else ""
    return (
        f"        <{_ONE}>\n          <name>{escaped(one.name)}</name>\n"
        '          <retriever class="org.jenkinsci.plugins.workflow.libs.SCMSourceRetriever">\n'
        '            <scm class="jenkins.plugins.git.GitSCMSource" plugin="git">\n'
        f"              <id>{source}</id>\n              <remote>{escaped(one.git)}</remote>\n"
        f"              <credentialsId>{escaped(one.credentials)}</credentialsId>\n"
        "              <traits>\n                <jenkins.plugins.git.traits.BranchDiscoveryTrait/>\n"
        f"              </traits>\n            </scm>\n            <libraryPath>{escaped(path)}</libraryPath>\n"
        f"          </retriever>\n          <defaultVersion>{escaped(one.version)}</defaultVersion>\n"
        f"          <implicit>{'true' if one.implicit else 'false'}</implicit>\n"
        "          <allowVersionOverride>true</allowVersionOverride>\n"
        f"          <includeInChangesets>true</includeInChangesets>\n        </{_ONE}>\n"
    )


def names(root: Element) -> tuple[str, ...]:
    """What the libraries of a folder are called."""
    return tuple((one.findtext("name") or "").strip() for one in root.iterfind(_PLACE))


def changes(actual: Element, desired: Element, concerned: Collection[str]) -> tuple[Difference, ...]:
    """What would change of the libraries that are called so; all others are none of our business."""
    found: list[Difference] = []
    ours, theirs = _by_name(desired), _by_name(actual)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        if name not in concerned:
            continue
        place = f"{_PLACE}[{name}]"
        if name not in theirs or name not in ours:
            before, after = (_words(one.get(name)) for one in (theirs, ours))
            found.append(Difference(place, before, after))
            continue
        old, new = dict(_settings(theirs[name], "")), dict(_settings(ours[name], ""))
        found += [
            Difference(f"{place}/{path}", old.get(path), new.get(path))
            for path in dict.fromkeys([*new, *old])
            if old.get(path) != new.get(path)
        ]
    return tuple(found)


def merge(actual: Element, desired: Element, gone: Collection[str]) -> None:
    """Puts the desired libraries into a folder's config.xml, in the place of those of their names; the rest stays.

    Args:
        actual: the root of what the server has; it is changed.
        desired: the root of what Headway would write.
        gone: names of libraries to take away.
    """
    ours = _by_name(desired)
    place = actual.find(f"properties/{PROPERTY}/libraries")
    if place is None:
        if not ours:
            return
        place = _made(actual)
    for one in list(place.findall(_ONE)):
        name = (one.findtext("name") or "").strip()
        if name in ours:
            place[list(place).index(one)] = deepcopy(ours.pop(name))
        elif name in gone:
            place.remove(one)
    place.extend(deepcopy(one) for one in ours.values())
    parent = actual.find("properties")
    if not len(place) and parent is not None:
        parent.remove(next(one for one in parent if one.tag == PROPERTY))


def same(one: Element, other: Element) -> bool:
    """Whether two folders have the same libraries, as Jenkins understands them."""
    return not changes(one, other, {*names(one), *names(other)})


def _made(actual: Element) -> Element:
    parent = actual.find("properties")
    if parent is None:
        parent = SubElement(actual, "properties")
    held = parent.find(PROPERTY)
    if held is None:
        held = SubElement(parent, PROPERTY, {"plugin": "pipeline-groovy-lib"})
    return SubElement(held, "libraries")


def _by_name(root: Element) -> dict[str, Element]:
    return {(one.findtext("name") or "").strip(): one for one in root.iterfind(_PLACE)}


def _words(one: Element | None) -> str | None:
    if one is None:
        return None
    said = (one.findtext("retriever/scm/remote"), one.findtext("defaultVersion"))
    return " ".join(text.strip() for text in said if text and text.strip())


def _settings(element: Element, prefix: str) -> Iterator[tuple[str, str]]:
    """Settings by path; what Jenkins fills in by itself says nothing."""
    for child in element:
        path = prefix + child.tag
        if path in _SAYS_NOTHING:
            continue
        if (kind := child.get("class")) and child.tag in {"retriever", "scm"}:
            yield f"{path}@class", kind
        if len(child):
            yield from _settings(child, path + "/")
            continue
        text = (child.text or "").strip()
        usual = "true" if child.tag in _TRUE_BY_DEFAULT else "false"
        if "." in child.tag or (text and text != usual):
            yield path, text
