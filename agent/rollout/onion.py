"""What a wrapped error says at its core: runtimes hand an error up through five layers, each adding its own words.

`Failed to pull image "x:v9": rpc error: code = NotFound desc = failed to pull and unpack image "x:v9": failed to
resolve reference "x:v9": x:v9: not found` says `x:v9: not found`. The whole text stays in the report.
"""

from __future__ import annotations

import re

_LAYERS = re.compile(r':\s+(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""Between layers: a colon and a space, outside of quotes."""

_WRAPPER = re.compile(
    r"""failed\ to\ (pull|resolve|do|copy|unpack|authori[sz]e|fetch|prepare|read)\b.*
      | rpc\ error
      | code\ =\ \w+\ desc\ =\ .*
      | error\ response\ from\ daemon
      | error\ pulling\ image\ configuration
      | initializing\ source\ .*
      | unable\ to\ pull\ image\ .*
      | (reading|pinging|copying)\ .*
      | error""",
    re.IGNORECASE | re.VERBOSE,
)


def core(message: str) -> str:
    """The message without the layers around it; unchanged where nothing would be left."""
    layers = _LAYERS.split(message.strip())
    inner = 0
    while inner < len(layers) - 1 and _WRAPPER.fullmatch(layers[inner]):
        inner += 1
    return ": ".join(layers[inner:])
