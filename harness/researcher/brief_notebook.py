"""The sections of a brief in words: the notebook, what is asked of the researcher, and guidance.md.

Lessons are data, whoever wrote them; guidance.md is the person's, and an instruction.
"""

from harness.experiment import BASELINE, Learned
from harness.researcher.brief_figures import hints
from harness.researcher.brief_scene import Scene, read_text
from harness.researcher.quoting import block, clipped, last_of, size, word

GUIDANCE = "guidance.md"
LESSON_BYTES, LEAST_BYTES = 1_500, 20  # of a lesson with its heading: the most, the least
MARK_BYTES = 150
LONG_BYTES = 8_000  # of all lessons; more ask for a shorter notebook
OWED = 5  # experiments without a lesson that are named


def notebook(scene: Scene, limit: int) -> list[str]:
    """The newest last. The lesson that made it short stays; then the oldest go first."""
    lessons = scene.brief.history.lessons
    short = [each for each in lessons[:1] if each.replaces_all]
    lines = [_lesson(each, limit // 2) for each in short]
    room = limit - sum(size(line) + 1 for line in lines) - MARK_BYTES
    rest = lessons[len(short) :]
    recent = rest[max(0, len(rest) - room // LEAST_BYTES) :]
    shown = last_of([_lesson(each, LESSON_BYTES) for each in recent], room, "lessons")
    if len(recent) < len(rest):
        lines.append(f"… {len(rest) - len(recent):,} lessons before those left out …")
    return [*lines, *shown]


def _lesson(lesson: Learned, limit: int) -> str:
    of = "Of several experiments" if lesson.experiment is None else f"Of #{lesson.experiment}"
    of = "The notebook up to here, made short" if lesson.replaces_all else of
    head = f"{of}, by {word(lesson.researcher, 40)}:\n"
    return head + block(lesson.text, limit - size(head))


def asked(scene: Scene, limit: int) -> list[str]:
    """How bold the next step should be, and lessons that are owed."""
    history = scene.brief.history
    lines = hints(history)
    if owed := [number for number in history.unlearned if number != BASELINE]:
        shown = ", ".join(f"#{number}" for number in owed[-OWED:])
        more = f" (and of {len(owed) - OWED} older ones)" if len(owed) > OWED else ""
        lines.append(
            f"There is no lesson yet of {shown}{more}. Write one with write_lesson where something"
            " can be learnt from it, one of several where they say the same."
        )
    length = sum(size(lesson.text) for lesson in history.lessons)
    if length > LONG_BYTES:
        lines.append(
            f"The notebook is long ({length:,} bytes): make it short with rewrite_notebook, keeping"
            " what later proposals need."
        )
    return lines


def guidance(scene: Scene, limit: int) -> list[str]:
    """Read afresh each time."""
    text = read_text(scene.brief.results, GUIDANCE).strip()
    return [clipped(text, limit)] if text else []
