"""What of a live config.xml may be shown: a plan ends up in pull requests, build logs and artefacts. Pure.

Jenkins hides secrets that a plugin declares as such; a token for remote triggers, the default of a parameter or a
password in somebody's script are plain text to it. Here the name of the place and the look of the value decide.
"""

from __future__ import annotations

import hashlib
import re
from xml.etree.ElementTree import Element

from agent.errors import HeadwayError
from agent.jobs.xmltext import read, write
from agent.spec.secrets import NAMES

SECRET = "(a secret)"  # noqa: S105  what is shown in its place

_UNREADABLE = "no XML, sha256 "
_SECRETIVE = re.compile(r"password|passwd|secret|token|passphrase|api_?key|private_?key|signing_?key", re.IGNORECASE)
_HARMLESS = re.compile(r"(?:Id|Ids|Variable)$|^(?:name|description|trim|order)$")
_UNTOLD = r"(?!['\"]?(?:\$|\(a secret))"
_ASSIGNED = (
    rf"(\b(?!\w*credentials?['\"]?\s*[=:])\w*(?:{NAMES})['\"]?\s*[=:]\s*){_UNTOLD}"
    r"(?!credentials\(|env\.|params\.)(?:'[^'\n]+'|\"[^\"\n]+\"|[^\s'\"${(,;)\]]+)"
)
_OPTION = (
    rf"(--(?:password|passwd|token|secret|api-?key)[= ]){_UNTOLD}\S+"
    rf"|(\bcurl\b[^\n]{{0,300}}? -u ?['\"]?){_UNTOLD}[^\s:$]+:[^\s$]+"
)
_SCHEME = (
    rf"(\b(?:bearer +(?=\S*[0-9.])|authorization['\"]?\s*[:=,]\s*['\"]?\w+ +)){_UNTOLD}[a-z0-9._~+/=-]{{8,}}"
    rf"|([?&]\w*(?:token|key|secret|password)=){_UNTOLD}[^&\s'\"]+"
)
_USERINFO = r"(\w://)[^/\s@:]+:[^/\s@]+(?=@)"
_KNOWN = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\{AQAA[A-Za-z0-9+/=]+\}|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_)[A-Za-z0-9_-]{10,}"
    r"|\bAKIA[0-9A-Z]{12,}|\beyJ[0-9A-Za-z_-]{10,300}\.eyJ[0-9A-Za-z_-]{10,4000}\.[0-9A-Za-z_-]*"
)
_ANY = re.compile(f"{_ASSIGNED}|{_OPTION}|{_SCHEME}|{_USERINFO}|{_KNOWN}", re.IGNORECASE)


def tellable(path: str, value: str | None) -> str | None:
    """A setting's value, as it may be shown.

    Args:
        path: where it stands, tags joined with `/` (see `agent.jobs.settings`).
        value: what stands there; None and nothing are told as they are.
    """
    if not value:
        return value
    return SECRET if _is_secretive(path) else without_secrets(value)


def without_secrets(text: str) -> str:
    """A text (a script, a description, a URL) with what looks like a secret left out."""
    return _ANY.sub(lambda found: next((kept for kept in found.groups() if kept), "") + SECRET, text)


def masked(config_xml: str) -> str:
    """A config.xml as it may stand in a file that is handed on: two of them are the same where only secrets differ."""
    if config_xml.startswith(_UNREADABLE):
        return config_xml
    try:
        root = read(config_xml)
    except HeadwayError:
        return _UNREADABLE + hashlib.sha256(config_xml.encode()).hexdigest()
    _mask(root, "")
    return write(root)


def _mask(element: Element, prefix: str) -> None:
    for child in element:
        name = child.findtext("name") if child.tag.endswith("ParameterDefinition") else None
        path = f"{prefix}{child.tag}{f'[{name}]' if name else ''}"
        if len(child):
            _mask(child, path + "/")
        elif child.text and child.text.strip():
            child.text = tellable(path, child.text)


def _is_secretive(path: str) -> bool:
    last = path.rpartition("/")[2]
    return not _HARMLESS.search(last) and bool(_SECRETIVE.search(path))
