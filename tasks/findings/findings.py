"""What an audit has found, in words, the gravest first."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.errors import AuditError
from tasks.findings.audited_images import audited_images
from tasks.findings.class_statements import leaning_statements, mistake_statements
from tasks.findings.context_statements import context_statements
from tasks.findings.multiplicity import FALSE_DISCOVERY_RATE, q_values
from tasks.findings.slice_statements import slice_statements
from tasks.findings.statements import Statement
from tasks.findings.tag_statements import tag_statements
from tasks.tables.background_schemas import FINDINGS

MOST_UNCONFIRMED = 20

# Mistakes, and what raises them by a name that the manifest gives it, come before what raises them
# and has only a number, these before right answers for wrong reasons, and those before what is
# only worse somewhere.
_KINDS = ("pair", "predicted", "label", "tag", "context", "leaning", "slice")
_FAMILIES = dict.fromkeys(_KINDS, 0) | {"context": 1, "leaning": 2, "slice": 3}


def find(
    stats: pa.Table | pd.DataFrame,
    verdicts: pd.DataFrame,
    classes: list[str],
    context_risks: pd.DataFrame | None = None,
    context_clusters: pd.DataFrame | None = None,
    *,
    tags: pd.DataFrame | None = None,
) -> pa.Table:
    """State what was tested, and rank it.

    Confirmed is a statement with a q-value (Benjamini-Hochberg over every statement of the audit
    for which there were images enough to test it, told or not) of at most 0.1 and an effect above
    its floor: for shares of a class or pair 0.15 with a mean gap of 0.1, for slices 0.1 above the
    other images, for tags and contexts that draw answers to a class a difference of 0.05.

    All confirmed ones come first: mistakes and tags, then contexts, leaning classes and slices,
    each by the number of images that they concern (for tags, contexts and slices: beyond what the
    others would make one expect); a class whose driven images are
    nearly all of one confirmed pair comes after those. At most MOST_UNCONFIRMED others follow.

    stats : of schema BACKGROUND_STATS, from the same verdicts and tags
    verdicts : columns of VERDICT_TABLE, in any order of rows
    classes : the name of each class index
    context_risks, context_clusters : columns of those tables, or None
    tags : as for `background_stats`; None: no statements about slices

    Returns: a table of schema FINDINGS; without statements, without rows.

    Raises: AuditError for verdicts that are not as expected and for a class without a name.
    """
    images = audited_images(verdicts)
    _check_classes(images, context_risks, classes)
    table = stats.to_pandas() if isinstance(stats, pa.Table) else stats
    statements = [
        *mistake_statements(table, images, classes),
        *leaning_statements(table, images, classes),
        *slice_statements(images, tags),
        *tag_statements(images, tags, classes),
        *context_statements(context_risks, context_clusters, classes),
    ]
    return _ranked(statements)


def _check_classes(images: pd.DataFrame, risks: pd.DataFrame | None, classes: list[str]) -> None:
    named = [images["label"], images["predicted"]]
    named += [] if risks is None else [risks["class_idx"]]
    indices = np.concatenate([column.to_numpy(np.int64) for column in named])
    wrong = indices[(indices < 0) | (indices >= len(classes))]
    if wrong.size:
        raise AuditError(
            f"class {wrong[0]} has no name: expected indices from 0 to {len(classes) - 1}, one "
            "for each of the names of audit.json. Run the audit again with the right classes"
        )


def _ranked(statements: list[Statement]) -> pa.Table:
    q = q_values([statement.p_value for statement in statements])
    confirmed = [
        statement.large and bool(value <= FALSE_DISCOVERY_RATE)
        for statement, value in zip(statements, q, strict=True)
    ]
    judged = list(zip(statements, q, confirmed, strict=True))
    pairs = {(s.label, s.predicted) for s, _, sure in judged if sure and s.kind == "pair"}

    def gravity(entry: tuple[Statement, float, bool]) -> tuple[Any, ...]:
        statement, _, sure = entry
        place = (_KINDS.index(statement.kind), statement.label, statement.predicted)
        echo = statement.main_pair in pairs
        family = _FAMILIES[statement.kind]
        return (
            not sure,
            echo,
            family,
            -statement.concerned,
            *place,
            statement.subject,
            statement.text,
        )

    told = sorted((entry for entry in judged if _is_told(entry[0])), key=gravity)
    sure = sum(entry[2] for entry in told)
    rows = [
        {name: getattr(statement, name, None) for name in FINDINGS.names}
        | {"rank": rank, "q_value": float(value), "confirmed": is_sure}
        for rank, (statement, value, is_sure) in enumerate(told[: sure + MOST_UNCONFIRMED])
    ]
    return pa.Table.from_pylist(rows, FINDINGS)


def _is_told(statement: Statement) -> bool:
    return statement.listed and statement.concerned > 0
