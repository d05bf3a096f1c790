"""Takes credentials out of text that clusters, registries and services wrote (P56).

The text may be hostile or simply long, a log line of 64 KiB without a space for one: no rule may look further from each
of its characters than a bound, or it would take minutes.
"""

from __future__ import annotations

import re

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # https://user:password@host
    (re.compile(r"(?P<keep>[a-z][a-z0-9+.-]{0,30}://)[^\s/@\"']+@", re.IGNORECASE), r"\g<keep>***@"),
    # ?token=..., &sig=..., X-Amz-Signature=..., X-Goog-Credential=...
    (
        re.compile(
            r"(?P<keep>(?:access_?|auth_?|id_?|refresh_?)?(?:token|sig|signature|secret|password|passwd|api_?key|"
            r"x-(?:amz|goog)-(?:signature|credential|security-token))=)[^\s&\"',;)]+",
            re.IGNORECASE,
        ),
        r"\g<keep>***",
    ),
    (re.compile(r"(?P<keep>\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}", re.IGNORECASE), r"\g<keep>***"),
    # Docker Hub, GitHub, GitLab, AWS, and anything that is a JSON web token
    (re.compile(r"\b(?:dckr_(?:pat|oat)_|gh[pousr]_|github_pat_|glpat-)[A-Za-z0-9_-]{8,}"), "***"),
    (re.compile(r"\bAKIA[0-9A-Z]{12,}"), "***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{6,4096}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), "***"),
)


def scrub(text: str) -> str:
    """The text without user names and passwords in URLs, bearer tokens, signed query values and well-known tokens."""
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
