"""deploy/kubernetes of an agent: each overlay renders, validates, and says what it should."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from mlws_scaffold.workspace.config import Deploy
from tests.support import argo, overlays
from tests.support.overlays import Overlay

pytestmark = pytest.mark.slow

VERSIONS = ("1.28", "1.31", "1.34", "1.37")
VARIANTS = [(), ("gpu",), ("deployment",), ("gpu", "deployment")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return overlays.make(tmp_path_factory.mktemp("agent") / overlays.NAME)


@pytest.fixture(scope="module")
def production(home: Path) -> Overlay:
    return overlays.build(home, "production")


@pytest.mark.parametrize("components", VARIANTS, ids="+".join)
@pytest.mark.parametrize("env", ["staging", "production"])
def test_each_overlay_validates(home: Path, env: str, components: tuple[str, ...]) -> None:
    """Strictly, for the versions that are stated; Argo's kinds by a schema of our own."""
    overlay = overlays.build(home, env, *components)
    for one in overlay.objects.values():
        if one["kind"] in argo.SCHEMAS:
            jsonschema.validate(one, argo.SCHEMAS[one["kind"]])
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(one, version, strict=True)
    plain = "deployment" in components
    assert ("Deployment" in overlay.kinds()) == plain
    assert ("Rollout" in overlay.kinds()) == ("AnalysisTemplate" in overlay.kinds()) == (not plain)
    limits = overlay.pods()["StatefulSet"]["spec"]["containers"][0]["resources"]["limits"]
    assert ("nvidia.com/gpu" in limits) == ("gpu" in components)


@pytest.mark.parametrize("kind", sorted(argo.SCHEMAS))
def test_a_misspelt_field_of_argo_is_found(production: Overlay, kind: str) -> None:
    one = next(one for one in production.objects.values() if one["kind"] == kind)
    spec = {**one["spec"], "replica": 1}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**one, "spec": spec}, argo.SCHEMAS[kind])


# With kustomize 5.0, which kubectl 1.27 has.
KNOWN = {
    "apiVersion", "kind", "resources", "components", "configurations", "namePrefix",
    "configMapGenerator", "configMapGenerator.name", "configMapGenerator.literals",
    "configMapGenerator.behavior", "configMapGenerator.options",
    "patches", "patches.target", "patches.patch", "patches.options",
    "labels", "labels.includeSelectors", "labels.pairs",
}  # fmt: skip


def test_nothing_is_asked_of_kustomize_that_kubectl_1_27_does_not_know(home: Path) -> None:
    paths = sorted(home.rglob("kustomization.yaml"))
    assert len(paths) == 7
    for path in paths:
        data = yaml.safe_load(path.read_text())
        lists = {key: value for key, value in data.items() if isinstance(value, list)}
        inner = {
            f"{key}.{name}"
            for key, items in lists.items()
            for one in items
            if isinstance(one, dict)
            for name in one
        }
        assert set(data) | inner <= KNOWN, path


def _names(value: Any, key: str) -> set[str]:
    """All values of a key, however deep."""
    if isinstance(value, dict):
        own = {value[key]} if isinstance(value.get(key), str) else set()
        return own.union(*(_names(one, key) for one in value.values()))
    return set().union(*(_names(one, key) for one in value)) if isinstance(value, list) else set()


def test_whatever_is_named_exists_under_that_name(production: Overlay) -> None:
    """The prefix and the hashes reach Argo's kinds, too."""
    rollout = production.one("Rollout", "agent")
    known = {name for _, name in production.objects}
    canary = rollout["spec"]["strategy"]["canary"]
    asked = {canary["stableService"], canary["canaryService"]} | _names(canary, "templateName")
    for template in production.pods().values():
        for source in template["spec"]["containers"][0]["envFrom"]:
            asked.add(source["configMapRef"]["name"])
        for volume in template["spec"].get("volumes", ()):
            asked |= _names(volume.get("configMap", {}), "name")
    assert len(asked) >= 9
    assert asked <= known
    assert _names(rollout, "secretName") == {"helper-api-keys"}
    client = next(one for (_, name), one in production.objects.items() if "-client-" in name)
    assert client["data"] == {"OLLAMA_HOST": "http://helper-ollama:11434"}


def test_all_that_selects_pods_selects_those_of_this_agent(production: Overlay) -> None:
    """Two agents may share a namespace."""
    labels = {kind: one["metadata"]["labels"] for kind, one in production.pods().items()}
    assert all(one["app.kubernetes.io/instance"] == "helper" for one in labels.values())
    known = {one["app.kubernetes.io/component"] for one in labels.values()}
    assert known == {"agent", "ollama", "model"}
    selectors = [
        found
        for one in production.objects.values()
        for found in _selectors(one.get("spec", {}))
        if not any("kubernetes.io/metadata.name" in key for key in found)
    ]
    assert len(selectors) >= 12
    for selector in selectors:
        assert selector["app.kubernetes.io/component"] in known
        assert selector["app.kubernetes.io/instance"] == "helper"


def _selectors(spec: dict[str, Any]) -> list[dict[str, str]]:
    own = [spec["selector"]] if "selector" in spec else []
    found = [one.get("matchLabels", one) for one in own]
    rules = [*spec.get("ingress", ()), *spec.get("egress", ())]
    peers = [peer for rule in rules for peer in (*rule.get("from", ()), *rule.get("to", ()))]
    pods = [one["podSelector"] for one in (spec, *peers) if "podSelector" in one]
    return found + [one["matchLabels"] for one in pods]


def test_every_pod_is_restricted(production: Overlay) -> None:
    """What the Pod Security Standard `restricted` asks for, and no token."""
    for kind, template in production.pods().items():
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False, kind
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*spec["containers"], *spec.get("initContainers", ())]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert "memory" in container["resources"]["limits"]


def test_a_pod_that_is_told_to_stop_has_time_to_end_its_answers(
    home: Path, production: Overlay
) -> None:
    config = yaml.safe_load((home.parents[1] / "config.yaml").read_text())["timeouts"]
    grace = production.pods()["Rollout"]["spec"]["terminationGracePeriodSeconds"]
    assert grace > config["drain"] + config["shutdown"]
    ollama = production.pods()["StatefulSet"]["spec"]["terminationGracePeriodSeconds"]
    assert ollama > config["total"]


def test_the_steps_are_those_of_mlws_toml_and_ten_pods_can_make_them(production: Overlay) -> None:
    spec = production.one("Rollout", "agent")["spec"]
    steps = spec["strategy"]["canary"]["steps"]
    weights = tuple(one["setWeight"] for one in steps if "setWeight" in one)
    assert weights == Deploy().steps
    assert spec["replicas"] * weights[0] >= 100, "a share is a share of the pods"
    for at, step in enumerate(steps[:-1]):
        if "setWeight" in step:
            asked = [
                [one["templateName"] for one in following["analysis"]["templates"]]
                for following in steps[at + 1 : at + 3]
            ]
            assert asked == [["helper-health", "helper-traffic"], ["helper-verdict"]]
    data = {name: one["data"] for (_, name), one in production.objects.items() if "data" in one}
    parallel = next(one["OLLAMA_NUM_PARALLEL"] for name, one in data.items() if "-ollama-" in name)
    running = next(
        one["AGENT_LIMITS__RUNNING"] for name, one in data.items() if "-settings-" in name
    )
    assert int(parallel) >= spec["replicas"] * int(running)


def test_a_template_gets_every_argument_that_it_asks_for(production: Overlay) -> None:
    """Argo refuses a Rollout whose analysis lacks one, but only when it is applied."""
    canary = production.one("Rollout", "agent")["spec"]["strategy"]["canary"]
    runs = [canary["analysis"], *(one["analysis"] for one in canary["steps"] if "analysis" in one)]
    for run in runs:
        given = {one["name"] for one in run["args"]}
        for one in run["templates"]:
            spec = production.objects["AnalysisTemplate", one["templateName"]]["spec"]
            assert {arg["name"] for arg in spec["args"] if "value" not in arg} <= given
            used = set(re.findall(r"{{args\.([\w-]+)}}", str(spec["metrics"])))
            assert used <= {arg["name"] for arg in spec["args"]}


SERIES = 'namespace="prod",pod="helper-agent-{hash}-{pod}"'
ANSWERED = "agent_requests_total{{" + SERIES + ',status="{status}",stream="true"}}'
BUCKET = "agent_time_to_first_token_seconds_bucket{{" + SERIES + ',le="{le}"}}'
ARGUMENTS = {"instance": "helper", "namespace": "prod", "canary": "new", "stable": "old"}


def _rules(overlay: Overlay) -> dict[str, str]:
    """The queries as recording rules, by template and metric, with the arguments of a run."""
    found = {}
    for (kind, name), one in overlay.objects.items():
        if kind != "AnalysisTemplate":
            continue
        for metric in one["spec"]["metrics"]:
            if query := metric["provider"].get("prometheus", {}).get("query"):
                for argument, value in ARGUMENTS.items():
                    query = query.replace(f"{{{{args.{argument}}}}}", value)
                assert "{{" not in query
                record = f"{name}:{metric['name']}".replace("-", "_")
                found[record.removeprefix("helper_")] = query
    return found


def _series(name: str, values: str, **labels: str) -> dict[str, str]:
    return {"series": name.format(**labels), "values": values}


def _first_tokens(version: str, fast: int, slow: int) -> list[dict[str, str]]:
    """Answers a minute that began within 0.5 s, and those that took up to 5 s."""
    steps = {"0.25": 0, "0.5": fast, "2.5": fast, "5": fast + slow, "+Inf": fast + slow}
    return [
        _series(BUCKET, f"0+{count}x40", hash=version, pod="a", le=le)
        for le, count in steps.items()
    ]


def _answers(version: str, good: str, bad: str, **more: str) -> list[dict[str, str]]:
    counted = {"200": good, "502": bad, **{name.removeprefix("s"): v for name, v in more.items()}}
    return [
        _series(ANSWERED, values, hash=version, pod="a", status=status)
        for status, values in counted.items()
        if values
    ]


# Hundredths of what Argo compares with; None is no answer, which Argo takes for an error: no data
# never passes.
CASES: dict[str, tuple[list[dict[str, str]], dict[str, int | None]]] = {
    "as good as the old one": (
        [
            *_answers("new", "0+10x40", ""),
            *_first_tokens("new", 10, 0),
            *_first_tokens("old", 90, 0),
        ],
        {
            "traffic:chats": 30000,
            "verdict:error_ratio": 0,
            "verdict:first_token": 100,
            "errors:error_ratio": 0,
        },
    ),
    "one of five fails": (
        _answers("new", "0+8x40", "0+2x40"),
        {"traffic:chats": 30000, "verdict:error_ratio": 20, "errors:error_ratio": 20},
    ),
    "two failures are too few to tell": (
        _answers("new", "8x40", "2x40"),
        {"verdict:error_ratio": 0, "errors:error_ratio": 0},
    ),
    "refused and left ones are no errors": (
        _answers("new", "50x40", "", s429="90x40", s499="90x40"),
        {"traffic:chats": 5000, "verdict:error_ratio": 0, "errors:error_ratio": 0},
    ),
    "a pod that died still counts": (
        _answers("new", "10x5", "10x5"),
        {"verdict:error_ratio": 50, "errors:error_ratio": 50},
    ),
    "the old version's errors are not the new one's": (
        [*_answers("new", "10x40", ""), *_answers("old", "", "0+90x40")],
        {"verdict:error_ratio": 0, "errors:error_ratio": 0},
    ),
    "half of it ten times slower": (
        [*_first_tokens("new", 5, 5), *_first_tokens("old", 90, 0)],
        {"verdict:first_token": 974},
    ),
    "nobody asks": (
        _answers("old", "0+90x40", ""),
        {"traffic:chats": 0, "verdict:error_ratio": None, "verdict:first_token": None},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_queries_tell_a_good_canary_from_a_bad_one(
    production: Overlay, tmp_path: Path, case: str
) -> None:
    """Prometheus itself evaluates them, on series as agents have them, half an hour in."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    rules = _rules(production)
    assert len(rules) == 4
    groups = [{"record": record, "expr": query} for record, query in rules.items()]
    rule_file = tmp_path / "rules.yml"
    rule_file.write_text(yaml.safe_dump({"groups": [{"name": "analysis", "rules": groups}]}))
    series, expected = CASES[case]
    asked = [
        {
            "expr": f"round({record} * 100)",
            "eval_time": "30m",
            "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
        }
        for record, value in expected.items()
    ]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": asked}
    (tmp_path / "test.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [test]})
    )
    for words in (["check", "rules", "rules.yml"], ["test", "rules", "test.yml"]):
        done = subprocess.run(
            ["promtool", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
