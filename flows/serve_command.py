"""camaudit serve: one process that audits again and again, with Prefect's server and pages."""

import functools
import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from uuid import UUID

import typer
from pydantic import ValidationError

from flows.plain_errors import told_plainly
from flows.progress import console
from tasks.errors import AuditError

if TYPE_CHECKING:
    from prefect.schedules import Schedule

_PLAN_SECONDS = 120  # Prefect looks for new schedules every five


def serve(
    config_file: Annotated[
        Path, typer.Argument(help="audit.toml; its 'out' is the folder that holds the runs")
    ],
    cron: Annotated[str, typer.Option(help='When, as in "0 2 * * *": every night at two')],
    timezone: Annotated[str, typer.Option(help="Whose clock, as in Europe/Berlin")] = "UTC",
    keep: Annotated[
        int | None, typer.Option(help="Finished runs to keep after each run; default: all")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="policy.toml of 'camaudit check' that each run is held to")
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Start a first run at once, too")] = False,
    port: Annotated[
        int,
        typer.Option(
            min=1, max=65535, help="Of Prefect's pages, where no server of your own is set"
        ),
    ] = 4200,
    reports_port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Where the reports are served to this machine; 0: they are not"
        ),
    ] = 4280,
) -> None:
    """Audit on a schedule, each run taking from the last one what has not changed."""
    with told_plainly():
        folder = check_config(config_file, keep, policy)
        # Imported late: Prefect takes seconds, and a mistake above needs none of it.
        from flows.prefect_server import pages_url, prefect_api

        schedule = read_schedule(cron, timezone)

        with served_reports(folder, reports_port) as reports_url, prefect_api(port):
            parameters: dict[str, Any] = {
                "config_file": str(config_file.resolve()), "keep": keep,
                "reports_url": reports_url,
                "policy_file": None if policy is None else str(policy.resolve()),
            }  # fmt: skip
            console.print(
                f"Audits of {config_file} at {cron!r}, {timezone}. Ctrl-C ends it.\n"
                f"Prefect: {pages_url()}   Reports: {reports_url or folder}",
                markup=False, soft_wrap=True,
            )  # fmt: skip
            _serve_until_stopped(config_file.stem, schedule, parameters, now)


def check_config(config_file: Path, keep: int | None, policy: Path | None) -> Path:
    """Everything that can be wrong before anything is started; the folder of the runs."""
    from tasks.check.policy import load_policy
    from tasks.config import load_config
    from tasks.index.plan import plan_audit
    from tasks.runs.sequence import list_runs

    if keep is not None and keep < 1:
        raise AuditError(f"--keep: expected a whole number from 1 on, got {keep}")
    config = load_config(config_file, {})
    if config.previous is not None:
        raise AuditError(
            f"{config_file} sets previous, but a schedule always goes on from its own last run; "
            "remove that line"
        )
    folder = Path(config.out)
    if folder.exists():
        list_runs(folder)
    # A run stands in a folder of its own below; the folder of runs holds no audit.
    plan_audit(config.model_copy(update={"out": str(folder / "next")}))
    if policy is not None:
        load_policy(policy)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def read_schedule(cron: str, timezone: str) -> "Schedule":
    """Raises: AuditError for what is no cron expression, or no time zone."""
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.schedules import Cron

    try:
        CronSchedule(cron=cron, timezone=timezone or "none")  # '' is UTC to Prefect
    except ValidationError as error:
        wrong = error.errors()[0]
        given = timezone if "timezone" in wrong["loc"] else cron
        expected = (
            "a name of the IANA time zones, as in Europe/Berlin"
            if "timezone" in wrong["loc"]
            else 'minute, hour, day, month and weekday, as in "0 2 * * *" for every night at two'
        )
        raise AuditError(f"--{wrong['loc'][0]}: expected {expected}; got {given!r}") from error
    return Cron(cron, timezone=timezone)


def _serve_until_stopped(
    name: str, schedule: "Schedule", parameters: dict[str, Any], now: bool
) -> None:
    from prefect import serve as serve_deployments
    from prefect.deployments import run_deployment
    from prefect.deployments.runner import RunnerDeployment
    from prefect.types.entrypoint import EntrypointType

    from flows.schedule import scheduled_audit

    made = scheduled_audit.to_deployment(
        name=name,
        schedule=schedule,
        parameters=parameters,
        concurrency_limit=1,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment = cast(RunnerDeployment, made)  # typed for asynchronous callers, too
    deployment_id = cast(UUID, deployment.apply())
    _wait_until_planned(deployment_id)
    if now:
        run_deployment(f"scheduled-audit/{name}", timeout=0)
    serve_deployments(deployment, limit=1, print_starting_message=False)


def _wait_until_planned(deployment_id: UUID) -> None:
    """A server whose scheduler fails says so in its log alone, and no audit would ever run.

    Raises: AuditError where no run is planned in time.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment_id]))
    deadline = time.monotonic() + _PLAN_SECONDS
    with get_client(sync_client=True) as client:
        while not any(run.auto_scheduled for run in client.read_flow_runs(deployment_filter=only)):
            if time.monotonic() > deadline:
                raise AuditError(
                    f"Prefect's server has planned no run within {_PLAN_SECONDS} s: its scheduler "
                    "is off, or fails, or the cron expression has no date to come, as 30 February. "
                    "Look at the server's log; with SQLAlchemy 2.1 Prefect 3.8 "
                    "plans none (pip install 'sqlalchemy<2.1')"
                )
            time.sleep(1)


@contextmanager
def served_reports(folder: Path, port: int) -> Iterator[str | None]:
    """The runs' folder over HTTP to this machine alone: Prefect's pages may not link to files.

    Raises: AuditError where the port is taken.
    """
    if not port:
        yield None
        return
    handler = functools.partial(_Quiet, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise AuditError(
            f"reports cannot be served at port {port} ({error.strerror}). Give another "
            "--reports-port, or 0 for none"
        ) from error
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """A line per picture would bury what matters."""
