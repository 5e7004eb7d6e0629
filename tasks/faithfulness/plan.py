"""What will be measured: checked before the model is built."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cam_kernels.methods.registry import METHODS
from cam_kernels.names import VARIANTS
from tasks.errors import AuditError
from tasks.faithfulness.measures import BETTER, OBJECT_MEASURES, Effort
from tasks.faithfulness.sampling import sample_rows
from tasks.model.loaded import unknown_name
from tasks.tables.completion import audit_key
from tasks.tables.schemas import SCHEMA_VERSION
from tasks.tables.storage import RunFolder

RANDOM_MAP, CENTRE_MAP, RANDOM_ORDER = BASELINES = ("random map", "centre map", "random order")


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    methods : names; None for all that cost no more than a backward of the head, and the audit's
    measures : names; None for all that the images allow
    images : size of the sample
    steps : of deletion and insertion, from the whole image to none of it
    seed : of the sample, of the random baselines and of ROAD's noise
    """

    methods: Sequence[str] | None = None
    measures: Sequence[str] | None = None
    images: int = 100
    steps: int = 16
    seed: int = 0


@dataclass(frozen=True)
class FaithfulnessPlan:
    """audit_key : the finished audit that is measured
    rows : of the manifest
    audited : images that the rows were drawn from
    reference : the method that the others are compared with
    """

    run: RunFolder
    facts: dict[str, Any]
    audit_key: str
    rows: list[dict[str, Any]]
    audited: int
    methods: tuple[str, ...]
    reference: str
    effort: Effort
    seed: int


def plan_faithfulness(run: RunFolder, options: Options) -> FaithfulnessPlan:
    """Check the options against a finished audit and draw the sample. Writes nothing.

    Raises: AuditError for a folder that holds no finished audit, and for options that it does
    not allow.
    """
    key, facts = audit_key(run), run.audit()
    if facts.get("schema_version") != SCHEMA_VERSION:
        raise AuditError(
            f"{run.root} was written by another version of camaudit: expected schema "
            f"{SCHEMA_VERSION}, got {facts.get('schema_version')}. Run the audit again"
        )
    _check_counts(options, facts["preprocessing"]["crop"])
    methods = _methods(options.methods, run.first_method(), facts)
    rows, audited = sample_rows(run, options.images, options.seed)
    has_object = any(row["mask_uri"] is not None or row["boxes"] for row in rows)
    measures = _measures(options.measures, has_object)
    return FaithfulnessPlan(
        run=run,
        facts=facts,
        audit_key=key,
        rows=rows,
        audited=audited,
        methods=methods,
        reference=run.first_method() if run.first_method() in methods else methods[0],
        effort=Effort(measures, options.steps, options.seed),
        seed=options.seed,
    )


def _check_counts(options: Options, crop: int) -> None:
    if options.images < 1:
        raise AuditError(f"images: expected at least 1, got {options.images}")
    if not 1 <= options.steps <= crop * crop:
        raise AuditError(
            f"steps: expected 1 to {crop * crop}, the pixels of the model's view, got "
            f"{options.steps}"
        )
    if options.seed < 0:
        raise AuditError(f"seed: expected 0 or more, got {options.seed}")


def _methods(named: Sequence[str] | None, own: str, facts: dict[str, Any]) -> tuple[str, ...]:
    if named is not None:
        return _known("method", named, list(METHODS))
    cheap = [n for n, method in METHODS.items() if not method.forwards and n not in VARIANTS]
    if not facts["model"]["closed_form"]:
        cheap.remove("cam")  # needs pooling and one linear layer
    return tuple(dict.fromkeys([own, *cheap]))


def _measures(named: Sequence[str] | None, has_object: bool) -> tuple[str, ...]:
    if named is None:
        return tuple(name for name in BETTER if has_object or name not in OBJECT_MEASURES)
    measures = _known("measure", named, list(BETTER))
    about_objects = [name for name in measures if name in OBJECT_MEASURES]
    if about_objects and not has_object:
        raise AuditError(
            f"measure {about_objects[0]!r} needs the object, and no image of the sample has a "
            "mask or a box. Audit with masks or --annotations, or leave this measure out"
        )
    return measures


def _known(what: str, named: Sequence[str], known: list[str]) -> tuple[str, ...]:
    for name in named:
        if name not in known:
            raise AuditError(f"{unknown_name(what, name, known)}. Known are {', '.join(known)}")
    if not named or len(set(named)) < len(named):
        raise AuditError(f"{what}s: expected at least one and each once, got {', '.join(named)!r}")
    return tuple(named)
