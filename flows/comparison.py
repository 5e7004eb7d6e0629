"""A scheduled audit against the run before it: the page of the diff, and the policy."""

from pathlib import Path
from urllib.parse import quote

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows.check_artifact import check_artifact_markdown
from flows.markdown import as_markdown
from reports.diff.diff_page import write_diff_page
from reports.diff.diff_sentences import headlines
from reports.redraw import redraw_pages_of_run
from tasks.check.check import check_run
from tasks.check.junit import write_junit
from tasks.check.policy import load_policy
from tasks.diff.stage import compare_runs
from tasks.tables.storage import RunFolder

FOLDER, JUNIT = "diff", "check.xml"
_MOST_SENTENCES = 12


@task(task_run_name="compare with the last run", cache_policy=NO_CACHE, persist_result=False)
def compare(run: RunFolder, previous: RunFolder, key: str, reports_url: str | None) -> None:
    """RUN/diff/index.html, and its headlines as an artifact.

    key : of the artifact
    reports_url : of the folder that the run's folder is in; None: the path of the page is told
    """
    difference = compare_runs(previous, run)
    page = write_diff_page(difference, run.root / FOLDER)
    redraw_pages_of_run(run.root)
    link = f"Page: `{page.resolve()}`"
    if reports_url is not None:
        place = f"{quote(run.root.name)}/{FOLDER}/index.html"
        link = f"[Open the comparison]({reports_url.rstrip('/')}/{place})"
    lines = [f"- {as_markdown(sentence)}" for sentence in headlines(difference)[:_MOST_SENTENCES]]
    text = "\n".join([f"Against `{previous.root.name}`:", "", *lines, "", link])
    create_markdown_artifact(text, key=key, description=f"{run.root.name}: what changed")


@task(task_run_name="check the policy", cache_policy=NO_CACHE, persist_result=False)
def hold_to_policy(
    run: RunFolder, previous: RunFolder | None, policy_file: Path, key: str
) -> str | None:
    """RUN/check.xml, and the outcome as an artifact. Without a run before this one, limits on
    changes are left out.

    Returns: which limits are broken, in words; None where all are kept.

    Raises: AuditError for a policy that does not hold.
    """
    policy = load_policy(policy_file)
    if previous is None:
        policy = policy.of_values
    if not policy.limit:
        return None
    result = check_run(run, policy, previous)
    write_junit(result, run.root / JUNIT)
    create_markdown_artifact(
        check_artifact_markdown(result), key=key, description=f"{run.root.name}: the policy"
    )
    broken = [f"{case.limit.title}: {case.measured.subject}" for case in result.of("broken")]
    return None if result.kept else "; ".join(broken)
