"""What a person sees of a training: the view, curve.png, the scored table."""

import json
import tempfile
from contextlib import nullcontext
from io import StringIO

import pytest
import torch
from rich.console import Console

from harness.by_hand import View, finish, write_json
from harness.curve import curve_figure, draw_curve, read_metrics
from harness.evaluation import Control, Evaluation, LevelResult, mean_accuracy
from harness.ledger import Ledger
from harness.problems import LADDER, level
from harness.scored_table import figure, scored_table, verify_command

PNG = b"\x89PNG\r\n\x1a\n"
SEED = "9f86d081884c7d659a2feaa0c55ad015"


def records(n=40, tasks=("copy", "add", "mul", "factor")):
    """A training in small: loss falls, exact match rises, the frontier moves on."""
    sizes = {task: [entry.size for entry in LADDER if entry.task == task] for task in tasks}
    for i in range(1, n + 1):
        record = {"step": 100 * i, "seconds": 10.0 * i, "samples": 6400 * i, "loss": 2.0 / i}
        record |= {"lr": 1e-3, "progress": i / n, "frontier": dict.fromkeys(tasks, 4 + i)}
        if i % 4 == 0:
            record["exact_match"] = {
                f"{task}:{size}": max(0.0, i / n - 0.1 * place)
                for task in tasks
                for place, size in enumerate(sizes[task])
            }
        yield record


def text_of(renderable, width):
    console = Console(file=StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def plain_view(**settings):
    console = Console(file=StringIO(), width=80)
    options = {"budget_s": 400.0, "max_steps": None} | settings
    return View(**options, title="Thinker [all]", console=console), console.file


# --- the view ---


def test_view_without_a_terminal_prints_a_line_a_tenth():
    """Piped, the view is its title and ten plain lines, each whole however narrow."""
    view, file = plain_view()
    with view:
        for record in records():
            view.update(record)
    lines = file.getvalue().splitlines()
    assert lines[0] == "Thinker [all]"
    assert len(lines) == 11
    assert "step 4,000" in lines[-1]
    assert "640/s" in lines[-1]
    assert "loss 0.050" in lines[-1]
    assert "copy 0.80 add 0.80 mul 0.80 factor 0.80" in lines[-1]


@pytest.mark.parametrize("width", [80, 120])
def test_view_fits_its_terminal(width):
    """Bar, figures and a row a task fit the width, with nothing cut off."""
    view = View(400.0, None, "Thinker", console=Console(file=StringIO(), width=width))
    for record in records():
        view.update(record | {"frontier": {"copy": 128, "sort": 42, "add": 64, "mul": 10}})
    shown = text_of(view.render(), width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    assert "128 0.60" in shown
    assert "42–128" in shown
    assert "0 s left" in shown


def test_a_campaign_at_work_is_named(tmp_path, monkeypatch):
    """Each slows the other, and by a budget of wall time both read less."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results" / "night"
    folder.mkdir(parents=True)
    for is_held in (True, False):
        view, out = plain_view()
        with Ledger(folder / "ledger.jsonl") if is_held else nullcontext(), view:
            pass
        assert ("night is at work here" in out.getvalue()) == is_held


def test_view_keeps_last_values():
    """A record between measurements does not wipe what was measured before."""
    view, _ = plain_view()
    view.update({"seconds": 1.0, "progress": 0.1, "loss": 1.5, "exact_match": {"add:4": 0.75}})
    view.update({"seconds": 2.0, "progress": 0.2})
    assert "loss 1.500" in view.figures()
    assert "0.75" in text_of(view.render(), 80)


def test_view_estimates_from_the_pace_with_max_steps():
    """With --max-steps what is left follows from the pace, not from the budget."""
    view, _ = plain_view(max_steps=100)
    view.update({"step": 25, "seconds": 10.0, "progress": 0.25})
    assert view.seconds_left() == pytest.approx(30.0, abs=1.0)
    assert "step 25 of 100" in view.figures()
    view.update({"step": 26, "seconds": view.budget_s - 5.0, "progress": 0.26})
    assert view.seconds_left() <= 5.0, "the budget may end it first"


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"loss": float("nan"), "progress": float("inf"), "seconds": None},
        {"progress": 7.0, "samples": 0, "seconds": 0.0, "exact_match": {}},
        {"exact_match": {"division:3": 0.5}, "frontier": {"division": 3}},
    ],
)
def test_view_takes_odd_records(record):
    """No record, however odd, ends a training."""
    view, _ = plain_view()
    with view:
        view.update(record)
        view.update(record)
    assert "Thinker" in text_of(view.render(), 80)


class GoneTerminal(StringIO):
    """A terminal that was closed: writing fails."""

    def isatty(self):
        return True

    def write(self, text):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("is_interactive", [True, False])
def test_closed_terminal_does_not_end_a_training(is_interactive):
    """When the terminal goes away the training goes on without a view."""
    console = Console(file=GoneTerminal(), force_interactive=is_interactive)
    with View(400.0, None, "Thinker", console=console) as view:
        for record in records():
            view.update(record)
        view.note("saved")


def test_note_is_printed_as_it_is():
    """A note with brackets is text, not markup."""
    view, file = plain_view()
    view.note("compile failed: [Errno 2] gcc[/bold]")
    assert file.getvalue() == "compile failed: [Errno 2] gcc[/bold]\n"


def write_metrics(run, lines):
    run.mkdir(exist_ok=True)
    (run / "metrics.jsonl").write_text("\n".join(lines))


def test_curve_is_drawn_and_nothing_else_left(tmp_path):
    """curve.png is a picture, put in place whole."""
    write_metrics(tmp_path, map(json.dumps, records()))
    assert draw_curve(tmp_path).read_bytes().startswith(PNG)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["curve.png", "metrics.jsonl"]


def test_curve_shows_every_task_and_size():
    """A panel a task, a line a size with its last value, the frontier and the loss."""
    panels = curve_figure(list(records()), title="run").axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles[:2] == ["loss", "curriculum: largest size trained"]
    assert titles[2:] == [
        f"{noun}: exact match by size"
        for noun in ("copy family", "addition", "multiplication", "factorisation")
    ]
    assert panels[0].get_yscale() == "log"
    labels = [entry.get_text().split() for entry in panels[3].get_legend().get_texts()]
    assert labels == [["4", "1.00"], ["8", "0.90"], ["16", "0.80"], ["32", "0.70"], ["64", "0.60"]]


def test_curve_skips_what_a_killed_training_left_torn(tmp_path):
    """A torn last line, a foreign line and a NaN cost a point, not the picture."""
    lines = [json.dumps(record) for record in records(n=4, tasks=("add",))]
    odd = ['{"step": 9, "seconds": 50.0, "loss": NaN}', "[1, 2]", "", '{"step": 10, "sec']
    write_metrics(tmp_path, lines + odd)
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 5
    assert draw_curve(tmp_path).exists()


@pytest.mark.parametrize("content", [None, "", "{}\n"])
def test_curve_without_measurements_says_so(tmp_path, content):
    """A training too short to measure anything has a curve that says so."""
    if content is not None:
        (tmp_path / "metrics.jsonl").write_text(content)
    assert draw_curve(tmp_path).exists()
    figure = curve_figure([], title="run")
    assert figure.get_suptitle() == "run: nothing was measured"


# --- the scored table ---


def evaluation(status="ok", reason="", *, problems=500, error="", with_extra=True):
    def result(entry, place):
        correct = max(0, problems - place * problems // 5)
        wrong = error if entry.name == "mul:10" else ""
        return LevelResult(entry, correct, problems, 0.004, 1.25, wrong)

    levels = tuple(result(entry, entry.number) for entry in LADDER)
    passed = status == "ok"
    controls = (
        Control("permuted", True, 0, 400, 0.002, "", False),
        Control("dose", passed, 180, 400, 0.25, "" if passed else "180 right with noise", False),
        Control("zero_step", True, 1, 300, 0.002, "", False),
        Control("same_answer", True, 5, 5, 0.98, "not judged: 5 right", True),
    )
    extra = (result(level("add", 10), 1),) if with_extra else ()
    total = mean_accuracy(levels)
    return Evaluation(status, total, levels, extra, controls, 25.0, reason, SEED, problems, "bwrap")


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("problems", [100, 500, 20000])
def test_table_fits(width, problems):
    """At 80 columns and at 120 nothing is cut off."""
    shown = text_of(scored_table(evaluation(problems=problems), command="thinker verify x"), width)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width


def test_table_tells_all_that_was_measured():
    """Every level with counts, accuracy, interval and floor; the means; the controls in words."""
    shown = text_of(scored_table(evaluation()), 80)
    lines = [line.split() for line in shown.splitlines()]
    assert ["length", "8", "400/500", "0.800", "0.763–0.833", "0.004", "1.2"] in lines
    assert ["two", "6-digit", "primes", "0/500", "0.000", "0.000–0.008", "0.004", "1.2"] in lines
    assert ["multiplication", "0.400"] in lines
    assert any(line[:3] == ["validation", "accuracy", "0.400"] for line in lines)
    assert [line[0] for line in lines if line[-2:-1] == ["chance:"]] == ["permuted", "untrained"]
    assert "noise on the weights  180/400  passed   should be 100 or more" in shown
    assert "5/5  skipped  not judged: 5 right" in shown
    assert "status ok" in shown


def test_table_marks_small_pools():
    """Levels whose every problem training may have met carry a star, and the star is explained."""
    shown = text_of(scored_table(evaluation(with_extra=False)), 80)
    starred = [line.split(" *")[0].strip() for line in shown.splitlines() if " * " in line]
    assert starred == [entry.title.partition(", ")[2] for entry in LADDER if entry.is_full_domain]
    assert "training may have met them all" in shown


def test_bars_only_where_there_is_room():
    """Bars stand beside the accuracy from 100 columns on."""
    assert "█" not in text_of(scored_table(evaluation()), 80)
    assert "████████" in text_of(scored_table(evaluation()), 120)


def test_failure_cannot_be_mistaken_for_a_result():
    """A status other than ok is said in words, with its reason, and the accuracy does not count."""
    failed = evaluation("not_learned", "dose control: 180 right with noise")
    shown = text_of(scored_table(failed), 80)
    assert "NOT ACCEPTED, status not_learned: dose control" in shown
    assert "FAILED" in shown
    assert "does not count" in shown
    assert "status ok" not in shown


def test_failed_level_says_why():
    """A level that was not answered gives its first line of error under the table."""
    failed = evaluation(error="499 answers to 500 questions\nTraceback [most recent]")
    assert "mul:10: 499 answers to 500 questions\n" in text_of(scored_table(failed), 80)


def test_evaluation_without_levels_is_still_told():
    """A solver that could not even be loaded has no table, but its status and reason."""
    crashed = Evaluation(
        "crash", 0.0, (), (), (), 0.0, "KeyError in load_solver", SEED, 500, "none"
    )
    assert "NOT ACCEPTED, status crash: KeyError in load_solver" in text_of(
        scored_table(crashed), 80
    )


def test_figures_do_not_flatter():
    """Neither 1.000 nor 0.000 is shown for what only comes close to it."""
    assert [figure(share) for share in (1.0, 0.9999, 0.9994, 0.0001, 0.0)] == [
        "1.000",
        "0.999",
        "0.999",
        "<0.001",
        "0.000",
    ]


def test_command_repeats_the_problems(tmp_path):
    """The printed command names run, seed, problems and device, quoted."""
    run = tmp_path / "a run"
    plain = verify_command(run, evaluation(with_extra=False), device="cpu")
    assert plain == f"thinker verify '{run}' --seed {SEED} --problems 500 --device cpu"
    full = verify_command(run, evaluation(problems=100), device="cuda")
    assert full.endswith(f"--seed {SEED} --problems 100 --tasks add:10 --device cuda")


def test_long_command_can_be_pasted():
    """Where the command is wider than the terminal it is continued by a backslash."""
    command = f"thinker verify results/by-hand/20260131T220000Z --seed {SEED} --problems 100"
    shown = text_of(scored_table(evaluation(), command=command), 80)
    pasted = shown[shown.index("  thinker") :].replace("\\\n", "")
    assert pasted.split() == command.split()


# --- the end of a training ---


def test_summary_is_never_half_written(tmp_path):
    """What can not be written as JSON leaves the old file as it was."""
    path = tmp_path / "summary.json"
    write_json(path, {"accuracy": 0.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"accuracy": float("nan")})
    assert json.loads(path.read_text()) == {"accuracy": 0.5}


def test_finish_without_score_draws_only(tmp_path, capsys):
    """Without scoring there is a curve, no summary, and nothing on standard output."""
    write_metrics(tmp_path, map(json.dumps, records(n=4)))
    assert finish(tmp_path, score=False, problems=1, device="cpu", extra=()) == {}
    assert (tmp_path / "curve.png").exists()
    assert not (tmp_path / "summary.json").exists()
    assert capsys.readouterr().out == ""


def test_finish_without_room_says_so(tmp_path, small_disk, monkeypatch, capsys):
    """No place for what the solver is to read: the run is as it was, and can be scored later."""
    (tmp_path / "train.py").write_text("def load_solver(checkpoint, device):\n    return list\n")
    torch.save({"a": torch.zeros(300_000)}, tmp_path / "checkpoint.pt")
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    result = finish(tmp_path, score=True, problems=1, device="cpu", extra=())
    assert result["status"] == "crash"
    said = capsys.readouterr().err
    assert "not scored: " in said
    assert "No space left" in said
    assert "thinker verify" in said


def test_finish_of_a_run_that_cannot_be_asked_says_why(tmp_path, capsys):
    """A run without a readable checkpoint is reported with its reason, and keeps its curve."""
    (tmp_path / "train.py").write_text("def load_solver(checkpoint, device):\n    return list\n")
    (tmp_path / "checkpoint.pt").write_bytes(b"truncated")
    result = finish(tmp_path, score=True, problems=1, device="cpu", extra=())
    assert result["status"] != "ok"
    assert result["reason"] in capsys.readouterr().err
    assert (tmp_path / "curve.png").exists()
