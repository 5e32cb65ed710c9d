"""Compose, Prometheus, Grafana, the lock: parsed, and held to the names that the code knows."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from deploy.cli import app
from deploy.grafana import dashboard
from deploy.settings import KEPT_BY_AGE, PREFIX, Settings
from scorer.grid import load_grid, parse_grid
from scorer.topics import IN_TOPICS
from streams import topics

_ROOT = Path(__file__).parents[2]
_METRICS = _ROOT / "README.md"


def _yaml(path: str) -> Any:
    return yaml.safe_load((_ROOT / path).read_text(encoding="utf-8"))


def _known_metrics() -> set[str]:
    return set(re.findall(r"leadheat_[a-z_]+", _METRICS.read_text(encoding="utf-8")))


def _base(metric: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", metric)


def test_compose_runs_commands_that_exist() -> None:
    services = _yaml("docker-compose.yml")["services"]
    ours = {name: one for name, one in services.items() if one["image"] == "leadheat"}
    assert set(ours) == {"topics", "gateway", "worker", "serve", "notify", "accounts", "nurture", "sync"}
    commands = getattr(get_command(app), "commands", {})
    for name, service in ours.items():
        assert service["command"] == [name]
        assert name in commands


def test_compose_sets_settings_that_exist_and_each_role_has_what_it_needs() -> None:
    services = _yaml("docker-compose.yml")["services"]
    names = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    needs = {
        "gateway": "WRITE_KEYS",
        "serve": "READ_KEYS",
        "worker": "GRID",
        "notify": "KAFKA",
        "accounts": "GRID",
        "nurture": "SEQUENCES",
        "sync": "SYNC",
        "topics": "KAFKA",
    }
    for role, need in needs.items():
        environment = services[role]["environment"]
        assert set(environment) <= names
        assert f"{PREFIX}{need}" in environment


def test_compose_depends_on_services_that_exist_and_keeps_roles_small() -> None:
    compose = _yaml("docker-compose.yml")
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= set(compose["services"])
        if service["image"] == "leadheat":
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]


def test_compose_mounts_files_that_exist() -> None:
    for service in _yaml("docker-compose.yml")["services"].values():
        for volume in service.get("volumes", ()):
            if volume.startswith("./"):
                assert (_ROOT / volume.partition(":")[0]).exists(), volume


def test_compose_scrapes_the_roles_it_runs() -> None:
    services = _yaml("docker-compose.yml")["services"]
    for job in _yaml("deploy/prometheus/prometheus.yml")["scrape_configs"]:
        [found] = job["dns_sd_configs"]
        assert found["names"] == [job["job_name"]]
        assert job["job_name"] in services


def test_rules_and_dashboard_ask_for_metrics_that_are_documented() -> None:
    rules = [rule for group in _yaml("deploy/prometheus/rules.yml")["groups"] for rule in group["rules"]]
    queries = [rule["expr"] for rule in rules]
    queries += [query for panel in dashboard.PANELS for query, _ in panel.queries]
    asked = {_base(name) for query in queries for name in re.findall(r"leadheat_[a-z_]+", query)}
    assert asked <= _known_metrics()


def test_every_rule_says_how_grave_it_is_and_the_operators_page_says_what_to_do() -> None:
    page = (_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for group in _yaml("deploy/prometheus/rules.yml")["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in {"page", "ticket"}
            assert rule["alert"] in page


def test_the_dashboard_is_what_the_code_generates() -> None:
    written = (_ROOT / "deploy/grafana/dashboards/leadheat.json").read_text(encoding="utf-8")
    assert written == dashboard.render(), "run `make docs`"
    panels = json.loads(written)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_lock_pins_every_dependency_and_names_no_address() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + [
        one for extra in project["optional-dependencies"].values() for one in extra
    ]
    lock = (_ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {_canonical(line.partition("==")[0]) for line in lock.splitlines()}
    assert {_canonical(re.split(r"[][=<>~ ]", one)[0]) for one in wanted} <= pinned
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lock.splitlines())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_grids_in_the_documentation_are_right() -> None:
    page = (_ROOT / "docs" / "grid.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert [parse_grid(block, "docs/grid.md").name for block in blocks] == ["example"]
    assert load_grid(_ROOT / "deploy" / "grids" / "b2b-fr.yml").name == "b2b-fr"


def test_links_in_the_documentation_lead_somewhere() -> None:
    for page in [*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), (page.name, link)


def test_compose_looks_at_the_health_of_every_role_where_it_answers() -> None:
    for name, service in _yaml("docker-compose.yml")["services"].items():
        if service["image"] != "leadheat" or name == "topics":
            continue
        counted = f"{PREFIX}METRICS_PORT" in service["environment"]
        asked = "127.0.0.1:9100/metrics" if counted else "127.0.0.1:8000/healthz"
        assert asked in service["healthcheck"]["test"][-1], name


def test_the_systemd_unit_runs_a_command_and_options_that_exist() -> None:
    unit = (_ROOT / "deploy/systemd/leadheat.service").read_text(encoding="utf-8")
    [(command, options)] = re.findall(r"^ExecStart=\S+/leadheat (\w+) (.+)$", unit, re.MULTILINE)
    known = {name for one in getattr(get_command(app), "commands", {})[command].params for name in one.opts}
    assert set(re.findall(r"--[a-z-]+", options)) <= known
    assert set(re.findall(r"LEADHEAT_[A-Z_]+", unit)) <= {
        f"{PREFIX}{name.upper()}" for name in Settings.model_fields
    }


def test_every_topic_kept_by_age_may_have_days_of_its_own() -> None:
    days = dict.fromkeys(KEPT_BY_AGE, 7)
    found = topics.required("leadheat", 400, days)
    seven = {one.name for one in found if one.settings.get("retention.ms") == str(7 * 86_400_000)}
    aged = {one.name for one in found if one.policy == "delete"}
    assert aged - seven == {"leadheat.arrivals"}


def test_the_privacy_page_says_how_long_topics_are_kept() -> None:
    page = (_ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    table = page.partition("## How long things are kept")[2].partition("\n\n")[2].partition("\n\n")[0]
    told = {
        name.strip(" `"): kept.strip()
        for names, kept in (line.split("|")[1:3] for line in table.splitlines()[2:])
        for name in names.split(",")
    }
    days = Settings.model_fields["raw_retention_days"].default
    for topic in topics.required("leadheat", days):
        kept = told.pop(topic.name.removeprefix("leadheat."))
        ms = int(topic.settings.get("retention.ms", 0))
        days_kept = f"{ms // 86_400_000} days" if ms != 3_600_000 else "1 hour"
        assert kept == days_kept if "delete" in topic.policy else not kept.endswith("0 days")
    assert not told


def test_the_privacy_page_says_of_every_topic_what_an_erasure_does() -> None:
    page = (_ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
    table = page.partition("## What is held where")[2].partition("\n\n")[2].partition("\n\n")[0]
    places = [line.split("|")[1] for line in table.splitlines()[2:]]
    told = {
        name.removeprefix("leadheat").strip(".…") for one in places for name in re.findall(r"`(.+?)`", one)
    }
    assert " the topics of events " in places
    assert told | set(IN_TOPICS) == {
        one.name.removeprefix("leadheat.") for one in topics.required("leadheat")
    }
