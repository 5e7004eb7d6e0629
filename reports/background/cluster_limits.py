"""What clusters of contexts and of explanations cannot say."""

import pandas as pd

from reports.formats import plural
from reports.limits import Statement
from reports.tables import AuditTables


def state_cluster_limits(tables: AuditTables) -> list[Statement]:
    """What clusters of contexts and of explanations cannot say."""
    statements = []
    if tables.contexts is not None:
        statements.append(
            ("Contexts are associations", _contexts(tables.contexts.risks, tables.labelled > 0))
        )
    if tables.patterns is not None and len(tables.patterns):
        text = (
            f"{plural(len(tables.patterns), 'cluster')} over "
            f"{plural(tables.patterns['class_idx'].nunique(), 'class', 'classes')}. A cluster "
            "gathers images whose evidence is alike; how many there are is a choice of the method, "
            "and its name only says which tags are more frequent in it than elsewhere."
        )
        statements.append(("Patterns of evidence are groupings", text))
    return statements


def _contexts(risks: pd.DataFrame, labelled: bool) -> str:
    text = (
        "Clusters were fitted to the cells beside the objects, where these are known, and every "
        "cell then given to the nearest. That a class is predicted more often where a cluster is "
        "present does not say that it is predicted for it."
    )
    if not labelled:
        return f"{text} Without labels no class could be set against them."
    if not len(risks):
        return f"{text} On the half of the images that was searched no class stood out with any."
    halves = int((risks["present"] + risks["absent"]).max())
    return (
        f"{text} {plural(len(risks), 'pair')} of cluster and class were found on one half of the "
        f"images and tested on the other (at most {plural(halves, 'image')} of other classes); a "
        "context rarer than that shows only with luck. Of those marked up to a tenth may be "
        "false (Benjamini and Hochberg)."
    )
