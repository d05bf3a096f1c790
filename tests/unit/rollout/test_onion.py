"""The core of what runtimes wrap; the texts of onions.txt came over the wire, or are written as runtimes do."""

from pathlib import Path

import pytest

from agent.rollout.onion import core

CASES = [
    block.split("\n=> ") for block in Path(__file__).with_name("onions.txt").read_text("utf-8").strip().split("\n\n")
]


@pytest.mark.parametrize(("message", "said"), CASES)
def test_the_core_is_told(message, said):
    assert core(message) == said


@pytest.mark.parametrize("message", ["", "rpc error", "not found", 'an "unclosed: quote', "failed to pull image"])
def test_something_is_always_left(message):
    assert core(message) == message
