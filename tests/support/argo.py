"""What of Argo's kinds the template uses, as a schema of our own: a misspelt field is refused.

Argo Rollouts 1.8 (argoproj.io/v1alpha1). The pod template is judged as a Deployment's elsewhere.
"""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string", "minLength": 1}
_COUNT = {"type": "integer", "minimum": 0}
_SPAN = {"type": "string", "pattern": "^[0-9]+[smh]$"}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


_VALUE_FROM = {
    "oneOf": [
        _object({"podTemplateHashValue": {"enum": ["Stable", "Latest"]}}, "podTemplateHashValue"),
        _object(
            {
                "fieldRef": _object(
                    {
                        "fieldPath": {
                            "type": "string",
                            "pattern": r"^metadata\.(namespace|(labels|annotations)\['.+'\])$",
                        }
                    },
                    "fieldPath",
                )
            },
            "fieldRef",
        ),
    ]
}
_GIVEN = {
    "oneOf": [
        _object({"name": _TEXT, "value": _TEXT}, "name", "value"),
        _object({"name": _TEXT, "valueFrom": _VALUE_FROM}, "name", "valueFrom"),
    ]
}
_ANALYSIS = {
    "templates": _list(_object({"templateName": _TEXT}, "templateName")),
    "args": _list(_GIVEN),
}
_STEP = {
    "oneOf": [
        _object({"setWeight": {"type": "integer", "minimum": 0, "maximum": 100}}, "setWeight"),
        _object({"analysis": _object(_ANALYSIS, "templates")}, "analysis"),
    ]
}
_CANARY = _object(
    {
        "stableService": _TEXT,
        "canaryService": _TEXT,
        "maxSurge": {"type": ["integer", "string"]},
        "maxUnavailable": {"type": ["integer", "string"]},
        "analysis": _object({**_ANALYSIS, "startingStep": _COUNT}, "templates"),
        "steps": _list(_STEP),
    },
    "steps",
)
_METADATA = _object(
    {"name": _TEXT, "labels": {"type": "object"}, "annotations": {"type": "object"}}, "name"
)
_HEAD = {"apiVersion": {"const": "argoproj.io/v1alpha1"}, "metadata": _METADATA}

ROLLOUT = _object(
    {
        **_HEAD,
        "kind": {"const": "Rollout"},
        "spec": _object(
            {
                "replicas": _COUNT,
                "revisionHistoryLimit": _COUNT,
                "minReadySeconds": _COUNT,
                "progressDeadlineSeconds": _COUNT,
                "progressDeadlineAbort": {"type": "boolean"},
                "rollbackWindow": _object({"revisions": _COUNT}, "revisions"),
                "selector": _object({"matchLabels": {"type": "object"}}, "matchLabels"),
                "strategy": _object({"canary": _CANARY}, "canary"),
                "template": {"type": "object"},
            },
            "selector",
            "strategy",
            "template",
        ),
    },
    "apiVersion",
    "kind",
    "metadata",
    "spec",
)

_PROVIDER = {
    "oneOf": [
        _object(
            {"prometheus": _object({"address": _TEXT, "query": _TEXT}, "address", "query")},
            "prometheus",
        ),
        _object(
            {
                "web": _object(
                    {"url": _TEXT, "timeoutSeconds": _COUNT, "jsonPath": _TEXT}, "url", "jsonPath"
                )
            },
            "web",
        ),
    ]
}
_METRIC = _object(
    {
        "name": _TEXT,
        "interval": _SPAN,
        "initialDelay": _SPAN,
        "count": _COUNT,
        "failureLimit": _COUNT,
        "consecutiveSuccessLimit": _COUNT,
        "successCondition": _TEXT,
        "provider": _PROVIDER,
    },
    "name",
    "successCondition",
    "provider",
)

ANALYSIS_TEMPLATE = _object(
    {
        **_HEAD,
        "kind": {"const": "AnalysisTemplate"},
        "spec": _object(
            {
                "args": _list(_object({"name": _TEXT, "value": _TEXT}, "name")),
                "metrics": _list(_METRIC),
            },
            "metrics",
        ),
    },
    "apiVersion",
    "kind",
    "metadata",
    "spec",
)

SCHEMAS = {"Rollout": ROLLOUT, "AnalysisTemplate": ANALYSIS_TEMPLATE}
