"""Settings that Prefect and Dask read when they are imported. What the user has set, stays."""

import os

_DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Our own lines tell of failures and retries; Prefect's would tear the progress bar.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "DASK_LOGGING__DISTRIBUTED": "critical",
    # Prefect does the retrying. With Dask's default a shard that kills its worker would kill
    # three more before it fails.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
    "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "300s",
    # A fork after a torch matmul hangs.
    "DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "spawn",
}

# Set in the environment of the Prefect server that an audit starts: whose server it is.
DRIVER_MARK = "CAMAUDIT_DRIVER_PID"

for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)
