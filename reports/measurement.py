"""How the audit was measured, as terms and values."""

from typing import Any

from reports.formats import count
from reports.tables import AuditTables


def describe_measurement(tables: AuditTables) -> list[tuple[str, str]]:
    """Terms and values for the overview; what audit.json leaves out is left out here."""
    audit, first_pass = tables.audit, tables.first_pass
    config, model = _part(audit, "config"), _part(audit, "model")
    rows = [
        ("Dataset", config.get("images")),
        ("Annotations", config.get("annotations")),
        ("Model", model.get("name") or config.get("model")),
        ("Weights", config.get("weights")),
        ("Weights digest", model.get("digest")),
        ("Parameters", _counted(model.get("parameters"))),
        ("Classes", _counted(model.get("num_classes"))),
        ("Method", _method(config, model)),
        ("Target layer", _layer(model)),
        ("Arithmetic", "exact" if config.get("exact") else _arithmetic(first_pass)),
        ("Preprocessing", _preprocessing(_part(audit, "preprocessing"))),
        ("Throughput", _throughput(first_pass)),
        ("Finished", str(first_pass.get("finished", "")).replace("T", " ")[:19]),
        ("camaudit", _version(audit)),
    ]
    return [(term, str(value)) for term, value in rows if value]


def _part(audit: dict[str, Any], key: str) -> dict[str, Any]:
    part = audit.get(key)
    return part if isinstance(part, dict) else {}


def _counted(value: Any) -> str:
    return count(value) if isinstance(value, int) else ""


def _method(config: dict[str, Any], model: dict[str, Any]) -> str:
    first, *others = str(config.get("method", "gradcam++")).split(",")
    stored = f" (stored as well: {', '.join(others)})" if others else ""
    method = f"{first}{stored}, on the {config.get('target', 'logit')}"
    if model.get("closed_form") is None:
        return method
    return method + (", in closed form" if model["closed_form"] else ", by a backward of the head")


def _layer(model: dict[str, Any]) -> str:
    if not model.get("target_layer"):
        return ""
    units, rows, cols = (model.get(key) for key in ("channels", "rows", "cols"))
    if not (isinstance(units, int) and isinstance(rows, int) and isinstance(cols, int)):
        return str(model["target_layer"])
    return f"{model['target_layer']}: {count(units)} units on {rows} × {cols} cells"


def _arithmetic(first_pass: dict[str, Any]) -> str:
    """How the workers' networks ran, each way once, with what was tried in vain."""
    ways = []
    trunks = first_pass.get("trunks")
    for trunk in trunks if isinstance(trunks, list) else []:
        known = trunk if isinstance(trunk, dict) else {}
        done = [f"in {known['autocast']}"] if known.get("autocast") else []
        done += ["compiled"] if known.get("compiled") else []
        vain = map(str, known.get("fallbacks") or [])
        text = "; ".join([", ".join(["optimised for inference", *done]), *vain])
        ways += [text] if text not in ways else []
    return " / ".join(ways) or "optimised for inference"


def _preprocessing(settings: dict[str, Any]) -> str:
    kind = settings.get("interpolation")
    text = f"shorter side to {settings.get('resize')} px{f' ({kind})' if kind else ''}, "
    text += f"central {settings.get('crop')} × {settings.get('crop')} px"
    if settings.get("mean") and settings.get("std"):
        mean, std = (", ".join(f"{v:.4g}" for v in settings[key]) for key in ("mean", "std"))
        text += f"; mean {mean}; std {std}"
    if settings.get("fast_decode"):
        text += "; large JPEGs decoded at 1/2, 1/4 or 1/8 of their size"
    return text


def _throughput(first_pass: dict[str, Any]) -> str:
    speed, seconds = first_pass.get("images_per_second"), first_pass.get("seconds")
    if not isinstance(speed, int | float):
        return ""
    text = f"{speed:,.1f} images per second"
    if isinstance(seconds, int | float):
        text += f", {seconds:,.0f} s in all"
    workers = first_pass.get("workers")
    return f"{text}, {workers} worker{'' if workers == 1 else 's'}" if workers else text


def _version(audit: dict[str, Any]) -> str:
    version = audit.get("camaudit")
    return f"{version}, tables of schema {audit.get('schema_version')}" if version else ""
