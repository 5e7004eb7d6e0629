"""The command line."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from flows import options
from flows.channels import channels
from flows.check_command import check
from flows.concept_command import concept
from flows.diff_command import diff
from flows.dissect_command import dissect
from flows.explain_command import explain
from flows.export_command import export
from flows.faithfulness_command import faithfulness
from flows.features_command import features
from flows.fetch_command import fetch
from flows.graph_command import graph
from flows.objects_command import objects
from flows.plain_errors import told_plainly
from flows.progress import console
from flows.prune_command import prune
from flows.serve_command import serve
from flows.suggest_command import suggest
from flows.train_command import train
from flows.units_command import units
from flows.vqa_command import vqa
from flows.working_copy import on_this_machine
from tasks.config import AuditConfig, load_config
from tasks.errors import AuditError

if TYPE_CHECKING:
    from tasks.index.plan import Plan

app = typer.Typer(
    help="Audit image classifiers over whole datasets: what they look at, and when that is wrong.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command()
def run(
    config_file: Annotated[
        Path | None, typer.Argument(help="audit.toml; flags override it")
    ] = None,
    images: options.Images = None,
    model: options.Model = None,
    out: options.Out = None,
    weights: options.Weights = None,
    classes: options.Classes = None,
    annotations: options.Annotations = None,
    roots: options.Roots = None,
    title: options.Title = None,
    note: options.Note = None,
    method: options.Method = None,
    target: options.Target = None,
    target_layer: options.TargetLayer = None,
    unit_layers: options.UnitLayers = None,
    resize: options.Resize = None,
    crop: options.Crop = None,
    mean: options.Mean = None,
    std: options.Std = None,
    interpolation: options.Interpolation = None,
    shard_size: options.ShardSize = None,
    batch_size: options.BatchSize = None,
    workers: options.WorkerCount = None,
    device: options.Device = None,
    exact: options.Exact = None,
    fast_decode: options.FastDecode = None,
    top_k: options.TopK = None,
    unit_top_k: options.UnitTopK = None,
    second_pass: options.SecondPass = None,
    scheduler: options.Scheduler = None,
    previous: options.Previous = None,
) -> None:
    """Audit a model over a dataset; run it again to go on where it stopped."""
    given = {key: value for key, value in locals().items() if key != "config_file"}
    with told_plainly():
        for key in ("mean", "std"):
            given[key] = channels(key, given[key])
        run_audit(load_config(config_file, given))


@app.command()
def report(run_folder: Annotated[Path, typer.Argument(help="Folder of a finished audit")]) -> None:
    """Draw the report again from the stored tables."""
    from reports.build import build_report

    with told_plainly():
        print(build_report(run_folder))


@app.command()
def layers(
    model: Annotated[str, typer.Argument(help=AuditConfig.model_fields["model"].description)],
    crop: options.Crop = None,
) -> None:
    """List the layers that can be explained, with their grids; the default is marked."""
    from tasks.model.probe import list_layers

    with told_plainly():
        found, default = list_layers(model, crop)
    columns = ("kind", "channels", "grid", "layout", "")
    table = Table(Column("layer", overflow="fold"), *columns, title=model)
    for layer in found:
        mark = "default" if layer.name == default else ""
        grid = f"{layer.rows} x {layer.cols}"
        table.add_row(layer.name, layer.kind, str(layer.channels), grid, layer.layout.words, mark)
    Console().print(table)


@app.command()
def demo(
    out: Annotated[str, typer.Option(help="Run folder to write")] = "runs/demo",
) -> None:
    """Audit the embedded sample: synthetic scenes with a planted background shortcut."""
    sample = Path(__file__).resolve().parent.parent / "data" / "audit.toml"
    with told_plainly():
        if not sample.exists():
            raise AuditError(
                f"the sample is not at {sample.parent}: it comes with the repository, not with the "
                "wheel. Clone the repository and run 'make demo' there"
            )
        run_audit(load_config(sample, {"out": out}))


_COMMANDS = (
    check, concept, diff, dissect, explain, export, faithfulness, features, fetch, graph, objects,
    prune, serve, suggest, train, units, vqa,
)  # fmt: skip
for command in _COMMANDS:
    app.command()(command)


def run_audit(config: AuditConfig) -> None:
    """Run the flow, unless the run folder holds this very audit already. Where it is a URL, in a
    working copy.

    Raises: AuditError.
    """
    with on_this_machine(config) as local:
        _run_local(local)
    if local.out != config.out:
        console.print(f"Stored in {config.out}", markup=False, soft_wrap=True)


def _run_local(config: AuditConfig) -> None:
    from tasks.index.plan import plan_audit
    from tasks.tables.completion import is_complete

    console.print(f"Reading {config.images} and {config.model} ...", soft_wrap=True)
    plan = plan_audit(config)
    if is_complete(plan.run, plan.shards, plan.config.second_pass):
        console.print("Nothing to do: this audit is finished, and nothing has changed since.")
    elif not _take_unchanged(plan):
        _run_flow(config)
    print(plan.run.report_file.resolve())


def _take_unchanged(plan: "Plan") -> bool:
    """Without Prefect, which takes longer to start than this takes."""
    from tasks.tables.completion import is_complete

    earlier = plan.earlier
    if earlier is None or not is_complete(earlier, plan.shards, plan.config.second_pass):
        return False
    from flows.taken_run import finish_unchanged
    from tasks.index.plan import write_plan
    from tasks.runs.being_written import being_written

    with being_written(plan.run):
        write_plan(plan)
        console.print(f"Nothing has changed since {earlier.root}: all is taken from it.")
        return finish_unchanged(plan)


def _run_flow(config: AuditConfig) -> None:
    # Imported late: Prefect takes seconds, and a mistake in the configuration needs none of it.
    from flows.audit import audit
    from flows.prefect_server import prefect_api

    try:
        with prefect_api():
            audit(config.model_dump(mode="json"))
    except KeyboardInterrupt:
        console.print("Stopped. Finished shards are stored; the same command goes on from here.")
        raise typer.Exit(130) from None


if __name__ == "__main__":
    sys.exit(app())
