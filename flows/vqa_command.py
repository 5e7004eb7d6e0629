"""`camaudit vqa`: answers to questions about an audit's images, and where they come from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from flows.plain_errors import told_plainly
from flows.progress import console
from flows.run_again import Device, RunPath, advancing, check_device, open_model, tell_unreadable

if TYPE_CHECKING:
    from tasks.questions.answered import Answers, Asked
    from tasks.questions.plan import QuestionOptions, QuestionPlan

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
        check_device(device)
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
    model = open_model(plan.facts, device)
    with advancing("Maps", "images", None) as advance:
        found = draw_answers(plan, learned, model, advance)
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
    asked = ask(plan, learned, open_model(plan.facts, device), row, text)
    page = write_answer_page(asked, score_kinds(plan, learned), plan.facts, folder)
    _print_answer(asked)
    return page


def _announce(plan: "QuestionPlan") -> None:
    train = len(plan.questions) - int(plan.tested.sum())
    console.print(f"Learning from {train:,} questions ...", soft_wrap=True)


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
    tell_unreadable(found.facts["failures"])


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
