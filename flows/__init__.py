"""The audit as a Prefect flow on Dask workers, and the command line."""

from flows import environment  # noqa: F401  # must come before any import of Prefect or Dask
