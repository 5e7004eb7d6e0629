"""A run behind a URL as a folder of its own."""

from pathlib import Path

from tasks.errors import AuditError
from tasks.runs.remote_run import RemoteRun
from tasks.urls import is_url


def fetch_run(url: str, folder: Path) -> Path:
    """Copy a run to `folder`, or what has changed in it since the last time.

    Returns: the page of its report.

    Raises: AuditError for what is no URL or holds no finished audit, and for a folder that holds
    anything but an earlier copy.
    """
    if not is_url(url):
        raise AuditError(f"{url} is no URL; expected one like s3://bucket/runs/first")
    remote = RemoteRun(url, folder)
    if folder.exists() and not remote.is_copied and any(folder.iterdir()):
        raise AuditError(f"{folder} is not empty and no copy of {url}; expected a new folder")
    remote.fetch()
    if not remote.run.complete_file.exists():
        raise AuditError(
            f"{url} holds no finished audit; expected complete.json in it, which 'camaudit run "
            f"--out {url}' writes last"
        )
    return remote.run.report_file
