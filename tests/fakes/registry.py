"""An image registry on loopback (OCI distribution API), with a token service or without; a test says what it has."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.loopback import Heard, Wire

USER, PASSWORD = "alice", "s3same"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@dataclass
class FakeRegistry:
    """`images` maps (name, tag or digest) to a digest. `wants`: nothing, `basic`, `token` or `token-login`."""

    images: dict[tuple[str, str], str] = field(default_factory=dict)
    wants: str = ""
    realm: str = ""
    url: str = ""

    def __call__(self, heard: Heard, wire: Wire) -> None:
        if heard.path == "/token":
            self._token(heard, wire)
            return
        granted = heard.headers.get("authorization", "")
        if self.wants == "basic" and granted != f"Basic {BASIC}":
            wire.answer(b"{}", 401, WWW_Authenticate='Basic realm="here"')
            return
        if self.wants.startswith("token") and not granted.startswith("Bearer pass-"):
            realm = self.realm or f"{self.url}/token"
            wire.answer(b"{}", 401, WWW_Authenticate=f'Bearer realm="{realm}",service="here & there"')
            return
        name, _, reference = unquote(heard.path).removeprefix("/v2/").partition("/manifests/")
        found = self.images.get((name, reference))
        if found is None:
            body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}'
            wire.head(404, Content_Type="application/json", Content_Length=str(len(body)))
            if heard.method == "GET":
                wire.raw(body)
            return
        wire.head(200, Content_Length="0", Docker_Content_Digest=found)

    def _token(self, heard: Heard, wire: Wire) -> None:
        query = parse_qs(urlsplit(heard.target).query)
        assert query["service"] == ["here & there"]
        if self.wants == "token-login" and heard.headers.get("authorization") != f"Basic {BASIC}":
            wire.json({"errors": [{"code": "DENIED"}]}, 401)
            return
        wire.json({"token": f"pass-{query['scope'][0]}"})
