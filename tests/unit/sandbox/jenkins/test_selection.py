"""`tree=` and `depth=`."""

import pytest

from agent.sandbox.jenkins.selection import BadTreeError, Tree, tree

WITH_MARKER = "tree=jobs[fullName,description,_class,jobs[fullName,description,_class]]"


def test_nested_selectors_and_ranges():
    found = tree("jobs[name,builds[number]{0,5}],url")
    assert found.names["jobs"].names["builds"] == Tree({"number": Tree()}, slice(0, 5))
    assert found.only == ("jobs", "url")


@pytest.mark.parametrize(
    ("text", "chosen"), [("a{2}", slice(2, 3)), ("a{1,}", slice(1, None)), ("a{,4}", slice(None, 4)), ("a", None)]
)
def test_ranges(text, chosen):
    assert tree(text).names["a"].slice == chosen


@pytest.mark.parametrize("text", ["jobs[", "jobs]", "[a]", "a{x}", "a{}", "jobs[name", "a b[", "a;b", "a,,b"])
def test_what_is_not_understood(text):
    with pytest.raises(BadTreeError):
        tree(text)


def test_a_bad_tree_is_500(ask):
    assert ask("GET", "/api/json?tree=jobs[").status == 500
    assert ask("GET", "/api/json?depth=x").status == 500


def test_the_class_is_always_there_and_unknown_names_are_ignored(ask):
    assert ask.json("/api/json?tree=nothing") == {"_class": "hudson.model.Hudson"}
    assert ask.json("/api/json?tree=jobs")["jobs"] == [{"_class": "com.cloudbees.hudson.plugins.folder.Folder"}]


def test_jobs_have_no_jobs(ask):
    listed = ask.json(f"/api/json?{WITH_MARKER}")["jobs"]
    assert listed == [
        {
            "_class": "com.cloudbees.hudson.plugins.folder.Folder",
            "description": None,
            "fullName": "shop",
            "jobs": [
                {
                    "_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob",
                    "description": None,
                    "fullName": "shop/checkout",
                }
            ],
        }
    ]


def test_a_range_of_jobs(sandbox, ask):
    for name in "abc":
        sandbox.create(name, "<project/>")
    assert [job["name"] for job in ask.json("/api/json?tree=jobs[name]{1,3}")["jobs"]] == ["b", "c"]


def test_depth_shows_one_level_more(ask):
    shallow = ask.json("/job/shop/api/json")["jobs"][0]
    assert set(shallow) == {"_class", "name", "url", "color"}
    deep = ask.json("/job/shop/api/json?depth=1")["jobs"][0]
    assert {"fullName", "nextBuildNumber", "builds", "description"} <= set(deep)


def test_a_star_is_everything(ask):
    assert set(ask.json("/job/shop/api/json?tree=jobs[*]")["jobs"][0]) > {"name", "url", "nextBuildNumber"}


def test_listings_are_sorted_by_code_point(sandbox, ask):
    for name in ("b", "B", "é", "a b", "a'b"):
        sandbox.create(name, "<project/>")
    assert [job["name"] for job in ask.json("/api/json?tree=jobs[name]")["jobs"]] == [
        "B",
        "a b",
        "a'b",
        "b",
        "shop",
        "é",
    ]
    assert ask.json("/job/a%20b/api/json")["url"].endswith("/job/a%20b/")
