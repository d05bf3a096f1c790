"""A job that was made from the very same is not rendered again; whatever has a say changes the digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.jobs.definition import Kind
from agent.jobs.inventory import Inventory, Item
from agent.operations.definitions import definitions
from agent.spec.load import demand
from tests.unit.cli.test_jobs import add, edit, shop

__all__ = ["shop"]


def no_remote(_folder: Path) -> str:
    return ""


def made(shop: Path, known: Inventory | None = None):
    return definitions(demand([shop], files=False), no_remote, known)


def there(jobs) -> Inventory:
    return Inventory.of(Item(job.full_name, Kind.PIPELINE.value, job.marker) for job in jobs)


def rendered(shop: Path, known: Inventory) -> list[str]:
    return [job.full_name for job in made(shop, known) if job.config_xml]


def test_what_is_there_already_is_not_rendered(shop):
    first = made(shop)
    assert all(job.config_xml for job in first)
    again = made(shop, there(first))
    assert [job.config_xml for job in again] == ["", "", ""]
    assert [job.marker for job in again] == [job.marker for job in first]


def test_only_what_changed_is_rendered(shop):
    known = there(made(shop))
    edit(shop, "front", "H/5", "H/7")
    assert rendered(shop, known) == ["shop/web/front"]


def test_defaults_of_a_folder_above_have_a_say(shop):
    known = there(made(shop))
    (shop / "headway.yaml").write_text("version: 1\nowner: shop\npipeline: {keep: {builds: 9}}\n", encoding="utf-8")
    assert len(rendered(shop, known)) == 3


@pytest.mark.parametrize("line", ["owner: other", "owner: shop\nheadway: {library: v2}"])
def test_the_owner_and_the_library_have_a_say(shop, line):
    known = there(made(shop))
    (shop / "headway.yaml").write_text(f"version: 1\n{line}\n", encoding="utf-8")
    assert len(rendered(shop, known)) == 3


def test_a_templates_folder_of_a_team_is_always_rendered(shop):
    known = there(made(shop))
    (shop / "jenkinsfile_templates").mkdir()
    from agent.operations import inputs

    inputs._has_own_templates.cache_clear()
    assert len(rendered(shop, known)) == 3


def test_a_copy_another_type_and_a_tombstone_are_rendered(shop):
    from dataclasses import replace

    first = made(shop)
    for spoilt in (
        Item("shop/web/front", Kind.PIPELINE.value, replace(first[2].marker, job="elsewhere")),
        Item("shop/web/front", "hudson.model.FreeStyleProject", first[2].marker),
        Item("shop/web/front", Kind.PIPELINE.value, replace(first[2].marker, tombstone="enabled")),
        Item("shop/web/front", Kind.PIPELINE.value, replace(first[2].marker, spec_sha256="")),
        Item("shop/web/front", Kind.PIPELINE.value),
    ):
        assert rendered(shop, Inventory.of([*there(first[:2]).items.values(), spoilt])) == ["shop/web/front"]


def test_a_new_spec_is_rendered(shop):
    known = there(made(shop))
    add(shop, "web", "more")
    assert rendered(shop, known) == ["shop/web/more"]
