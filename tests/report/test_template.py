"""What the template writes is escaped and visible."""

from __future__ import annotations

from tilth.report import template


def test_the_template_is_loaded_once() -> None:
    assert template.page() is template.page()


def test_facts_keep_seeds_as_they_are() -> None:
    facts = {"seed": 20_240_314, "none": None, "empty": "", "devices": ["cpu", "gpu"], "a": {"b": {"c_f1": 1}}}
    assert template.flat(facts) == [("seed", "20240314"), ("devices", "cpu, gpu"), ("a · b · c F1", "1")]
