"""`camaudit vqa`: answers to questions about an audit's images, and where they come from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from flows.plain_errors import told_plainly
from flows.progress import console
from tasks.errors import AuditError

if TYPE_CHECKING:
    from tasks.faithfulness.audited_model import AuditedModel
    from tasks.questions.answered import Answers, Asked
    from tasks.questions.plan import QuestionOptions, QuestionPlan

RunPath = Annotated[Path, typer.Argument(help="Folder of a finished audit")]
Given = Annotated[
    str | None,
    typer.Option(
        "--questions",
        help="CSV of your own: question, answer, uri or image_id, optionally kind; default: made "
        "from the manifest's labels and tags",
    ),
]
OneQuestion = Annotated[
    tuple[str, str] | None,
    typer.Option(
        "--ask",
        metavar="IMAGE QUESTION",
        help="Answer one question instead; IMAGE is a file, a uri of the manifest or an image_id",
    ),
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the page; default: RUN/vqa, or RUN/answer for --ask")
]
Cost = Annotated[float, typer.Option("--c", help="Higher fits the training questions closer")]
Most = Annotated[int, typer.Option("--images", help="That are asked about, at most")]
Shown = Annotated[int, typer.Option(help="Answers of each kind, right and wrong each")]
Sampled = Annotated[
    int, typer.Option(help="Held-out images whose maps are held against the object")
]
Seed = Annotated[int, typer.Option(help="Of the split, the questions and the bootstrap")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda; default: the audit's")]


def vqa(
    run_folder: RunPath,
    questions: Given = None,
    ask: OneQuestion = None,
    out: Out = None,
    c: Cost = 10.0,
    images: Most = 5_000,
    shown: Shown = 3,
    sampled: Sampled = 100,
    seed: Seed = 0,
    device: Device = None,
) -> None:
    """Learn to answer questions from the audited model's features, and map the answers."""
    # Imported late: --help needs none of it.
    from reports.views.view_folder import refuse_other_folder
    from tasks.questions.plan import QuestionOptions

    with told_plainly():
        if device not in (None, "auto", "cpu", "cuda"):
            raise AuditError(f"device: expected auto, cpu or cuda, got {device!r}")
        options = QuestionOptions(questions, c, images, shown, sampled, seed)
        folder = out or run_folder / ("answer" if ask else "vqa")
        refuse_other_folder(folder)
        if ask is None:
            page = _answer_all(run_folder, options, folder, device)
        else:
            page = _answer_one(run_folder, options, folder, device, *ask)
        print(page.resolve())


def _answer_all(
    run_folder: Path, options: "QuestionOptions", folder: Path, device: str | None
) -> Path:
    from reports.questions.question_page import write_questions_page
    from tasks.questions.learned import learn_answers
    from tasks.questions.plan import plan_questions
    from tasks.questions.stage import draw_answers
    from tasks.tables.storage import RunFolder

    plan = plan_questions(RunFolder(run_folder), options)
    _announce(plan)
    learned = learn_answers(plan)
    columns = (TextColumn("[bold]Maps"), BarColumn(), TextColumn("{task.completed} images"))
    model = _model(plan, device)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        found = draw_answers(plan, learned, model, lambda done: bar.advance(task, done))
    page = write_questions_page(found, folder)
    _print(found)
    return page


def _answer_one(
    run_folder: Path,
    options: "QuestionOptions",
    folder: Path,
    device: str | None,
    image: str,
    text: str,
) -> Path:
    from reports.questions.question_page import write_answer_page
    from tasks.questions.accuracy import score_kinds
    from tasks.questions.asking import ask, find_asked_image
    from tasks.questions.learned import learn_answers
    from tasks.questions.plan import plan_questions
    from tasks.tables.storage import RunFolder

    plan = plan_questions(RunFolder(run_folder), options)
    row = find_asked_image(plan, image)
    _announce(plan)
    learned = learn_answers(plan)
    asked = ask(plan, learned, _model(plan, device), row, text)
    page = write_answer_page(asked, score_kinds(plan, learned), plan.facts, folder)
    _print_answer(asked)
    return page


def _announce(plan: "QuestionPlan") -> None:
    train = len(plan.questions) - int(plan.tested.sum())
    console.print(f"Learning from {train:,} questions ...", soft_wrap=True)


def _model(plan: "QuestionPlan", device: str | None) -> "AuditedModel":
    from flows.cluster import resolve_device
    from tasks.faithfulness.audited_model import AuditedModel

    return AuditedModel(plan.facts, resolve_device(device or plan.facts["config"]["device"]))


def _print(found: "Answers") -> None:
    out = Console(highlight=False)
    for score in found.scores:
        model, words = score.accuracy["model"], score.accuracy["words"]
        out.print(
            f"{score.kind or 'all questions'}: {_share(model.value)} "
            f"[{100 * model.low:.1f}, {100 * model.high:.1f}] of {score.questions:,} held-out "
            f"questions right; from the words alone: {_share(words.value)}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    for share in found.shares:
        out.print(
            f"{share.kind}: map on the object {_share(share.energy.value)} over "
            f"{share.energy.images:,} images; its area: {_share(share.area.value)}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    for failure in found.facts["failures"]:
        console.print(
            f"{failure['uri']} can no longer be read as it was: {failure['error']}",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip


def _print_answer(asked: "Asked") -> None:
    out, parts = Console(highlight=False), asked.answered.contributions
    if asked.answered.unknown:
        console.print(
            f"never read, so without a say: {', '.join(asked.answered.unknown)}",
            style="yellow", markup=False, soft_wrap=True,
        )  # fmt: skip
    likeliest = ", ".join(f"{name} {_share(p)}" for name, p in asked.answered.ranking)
    words = sum(value for _, value in parts.words)
    out.print(likeliest, markup=False, soft_wrap=True)
    out.print(
        f"logit {parts.logit:+.2f} = words {words:+.2f}, image {parts.image:+.2f}, "
        f"bias {parts.bias:+.2f}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
