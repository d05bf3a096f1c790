"""docs/reference/service-yaml.md is what the model says: --update-golden writes it."""

from __future__ import annotations

from pathlib import Path

from agent.spec.fields import parts
from agent.spec.reference import reference

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "service-yaml.md"


def test_the_reference_is_current(golden):
    golden(PAGE, reference())


def test_every_field_is_described():
    for name, part in parts().items():
        for field, info in part.model_fields.items():
            assert info.description, f"{name}.{field}"
