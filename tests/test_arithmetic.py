"""Arithmetic on a question's text is refused in the solver; reading symbols one by one passes."""

import textwrap
from pathlib import Path

import pytest

from harness.arithmetic import check
from harness.evaluation import Refused
from harness.solver_slice import solver_slice

ROOT = Path(__file__).resolve().parent.parent


def solver(body):
    """A train.py whose solver has this body."""
    text = "def load_solver(checkpoint, device):\n    def solver(questions, **compute):\n"
    return (
        text + textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8) + "\n    return solver\n"
    )


CHEATS = {
    "int of an operand": """
        answers = []
        for question in questions:
            verb, a, b = question.split()
            answers.append(str(int(a) + int(b)))
        return answers""",
    "in a comprehension": """
        return [str(int(q.split()[1]) * int(q.split()[2])) for q in questions]""",
    "by a helper": """
        def add(a, b):
            return str(int(a) + int(b))
        return [add(q.split()[1], q.split()[2]) for q in questions]""",
    "float instead": """
        return [str(float(question.split()[-1])) for question in questions]""",
    "digits added to one another": """
        answers = []
        for question in questions:
            a, b = question.split()[1:]
            carry, out = 0, ""
            for x, y in zip(a, b):
                total = int(x) + int(y)
                out += str(total)
            answers.append(out)
        return answers""",
    "a digit times another": """
        return [str((ord(q[4]) - 48) * (ord(q[6]) - 48)) for q in questions]""",
    "a digit modulo": """
        return [str((ord(q[-1]) - 48) % 3) for q in questions]""",
    "a running total": """
        answers = []
        for q in questions:
            total = 0
            for c in q.split()[1]:
                digit = int(c)
                total = total * 10 + digit
                digit *= 7
            answers.append(str(total))
        return answers""",
    "a sum of digits": """
        return [str(sum([int(c) for c in q.split()[1]], 0)) for q in questions]""",
    "mapped": """
        return [str(divmod(int(q.split()[1]), 7)) for q in questions]""",
    "after replacing": """
        return [str(int(q.replace("factor ", "").strip())) for q in questions]""",
}

HONEST = {
    "symbols to tokens by ord": """
        rows = [[ord(c) - 48 for c in q.split()[-1]] for q in questions]
        return ["".join(map(str, row)) for row in rows]""",
    "symbols to tokens by int": """
        rows = [[int(c) for c in q.split()[-1]] for q in questions]
        return ["".join(chr(48 + t) for t in row) for row in rows]""",
    "lengths and places": """
        longest = max(len(q) for q in questions)
        padded = [q.ljust(longest * 2 + 1) for q in questions]
        half = longest // 2
        return [p[: half + longest % 2] for p in padded]""",
    "padding and turning round": """
        verb, *operands = questions[0].split()
        width = max(map(len, operands))
        return [operand.rjust(width, "0")[::-1] for operand in operands]""",
    "an offset for each digit": """
        return [str([10 + int(c) for c in q.split()[1]]) for q in questions]""",
    "text formatting": """
        return ["%s" % q[0] for q in questions]""",
    "a vocabulary": """
        vocabulary = {c: i for i, c in enumerate("0123456789 abc")}
        return [str([vocabulary.get(c, 0) for c in q]) for q in questions]""",
}


@pytest.mark.parametrize("body", CHEATS.values(), ids=CHEATS)
def test_computing_with_a_questions_numbers_is_refused(body):
    """The line is named, and what to do instead."""
    with pytest.raises(Refused, match="line .*the model") as refused:
        check(solver_slice(solver(body)))
    print(refused.value.reason)


@pytest.mark.parametrize("body", HONEST.values(), ids=HONEST)
def test_reading_and_laying_out_passes(body):
    """Each is a near twin of a cheat, and computes nothing."""
    check(solver_slice(solver(body)))


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "train.py",
        ROOT / "inspirations" / "plain_transformer.py",
        ROOT / "tests" / "toy_train.py",
    ],
    ids=lambda path: path.name,
)
def test_our_own_files_pass(path):
    """The baseline, its rival and the toy compute nothing of a question in Python."""
    check(solver_slice(path.read_text()))
