"""Arithmetic on a question's text is refused in the solver; reading symbols one by one passes."""

import textwrap
import time
from pathlib import Path

import pytest

from harness.arithmetic import check
from harness.evaluation import Refused
from harness.solver_slice import solver_slice

ROOT = Path(__file__).resolve().parent.parent


def solver(body):
    """A train.py whose solver has this body."""
    text = "import collections, itertools, math, torch\n"
    text += "def load_solver(checkpoint, device):\n    def solver(questions, **compute):\n"
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
    "a running total by itertools": """
        return [str(list(itertools.accumulate([int(c) for c in q[4:]]))) for q in questions]""",
    "a product by math": """
        return [str(math.prod([int(c) for c in q[4:]])) for q in questions]""",
    "after replacing": """
        return [str(int(q.replace("factor ", "").strip())) for q in questions]""",
    "a dict of digits": """
        digits = {"0": 0, "1": 1, "2": 2}
        return [str(digits[q[4]] * digits[q[6]]) for q in questions]""",
    "a dict made of digits": """
        digits = {c: i for i, c in enumerate("0123456789")}
        return [str(digits.get(q[4], 0) + digits.get(q[6], 0)) for q in questions]""",
    "a zipped dict": """
        digits = dict(zip("0123456789", range(10)))
        return [str(digits[q[4]] % 3) for q in questions]""",
    "a dict, mapped": """
        digits = {"0": 0, "1": 1}
        qs = questions
        return [str(sum(d * 10**i for i, d in enumerate(map(digits.get, q)))) for q in qs]
        """,
    "a place in the digits": """
        digits = "0123456789"
        return [str(digits.index(q[4]) * digits.index(q[6])) for q in questions]""",
    "a place that is found": """
        digits = "0123456789"
        return [str(digits.find(a) + digits.find(b)) for a, b in map(str, questions)]""",
    "places, mapped": """
        return [str([p // 2 for p in map("0123456789".index, q)]) for q in questions]""",
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
    "votes counted": """
        votes = collections.Counter(q[-1] for q in questions)
        return [votes.most_common(1)[0][0] for q in questions]""",
    "tensors summed": """
        rows = [[int(c) for c in q.split()[-1]] for q in questions]
        return [str(torch.tensor(row).sum(0).pow(2).item()) for row in rows]""",
    "text formatting": """
        return ["%s" % q[0] for q in questions]""",
    "a vocabulary": """
        vocabulary = {c: i for i, c in enumerate("0123456789 abc")}
        return [str([vocabulary.get(c, 0) for c in q]) for q in questions]""",
    "a vocabulary with an offset": """
        vocabulary = {c: i for i, c in enumerate("0123456789 abc")}
        return [str([vocabulary[c] + 3 for c in q]) for q in questions]""",
    "a vocabulary, mapped": """
        vocabulary = dict(zip("0123456789 abc", range(14)))
        return [str(list(map(vocabulary.get, q))) for q in questions]""",
    "places in an alphabet": """
        return [str([1 + "0123456789 abc".index(c) for c in q]) for q in questions]""",
    "where the operands begin": """
        return [str(q.index(" ") * 2 + q.find("+") // 2) for q in questions]""",
    "symbols for symbols": """
        swap = {a: b for a, b in zip("abc", "xyz")}
        other = dict(zip("abc", "xyz"))
        return [swap[q[0]] + swap[q[1]] + other[q[0]] + other[q[1]] for q in questions]""",
    "tokens back to symbols": """
        symbols = {i: c for i, c in enumerate("0123456789")}
        return [symbols[3] + symbols[4] for q in questions]""",
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


def test_a_dict_at_the_top_level_is_seen():
    """As one in the solver is."""
    body = solver("return [str(DIGITS[q[4]] * DIGITS[q[6]]) for q in questions]")
    with pytest.raises(Refused, match="arithmetic with a number"):
        check(solver_slice('DIGITS = {"0": 0, "1": 1}\n' + body))


def lines(text, count):
    return "".join(text.format(i, i + 1) + "\n" for i in range(count))


LONG = {
    "functions, each calling the next": lines("def g{}(q):\n    return g{}(q)", 1000)
    + "def g1000(q):\n    return q[0]\n"
    + solver("return [str(int(g0(q)) * 2) for q in questions]"),
    "functions one in another": solver(
        "".join(" " * i + f"def g{i}(q):\n" for i in range(60))
        + " " * 60
        + "return int(q)\n"
        + "return int(questions[0])"
    ),
    "lambdas": solver(lines("f{} = lambda q: q", 1000) + "return int(questions[0])"),
    "names, each set to the next": solver(
        lines("n{} = n{}", 5000) + "n5000 = questions\nreturn int(n0[0])"
    ),
    "long sums": solver(
        lines("n{0} = " + "+".join(["n{1}"] * 150), 100) + "return int(questions[0])"
    ),
}


@pytest.mark.parametrize("source", LONG.values(), ids=LONG)
def test_a_long_solver_is_read_in_two_seconds(source):
    """However its names hang together, and what stands behind them is still seen."""
    started = time.process_time()
    with pytest.raises(Refused, match="computes"):
        check(source)
    assert time.process_time() - started < 2


NAMES = "+".join(f"n{i}" for i in range(150))
TOO_MUCH = {
    "names that are asked for again and again": (
        "def h(a):\n    return a\n"
        + solver(
            lines("n{} = n{}", 150)
            + "n150 = questions\n"
            + lines(f"x{{}} = {'h(' * 60}{NAMES}{')' * 60}", 20)
        ),
        "too long and tangled",
    ),
    "functions": (lines("def g{}(q):\n    return q", 2001), "2,00. functions and lambdas"),
    "expressions": (lines("def g{}(q):\n    return " + "+".join("q" * 250), 600), "too long"),
    "depth": (solver("return questions" + "[0]" * 2500), "nests its expressions too deeply"),
}


@pytest.mark.parametrize(("source", "reason"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_cannot_be_checked_is_refused(source, reason):
    """With the reason and in bounded time, never by an exception of the checker's own."""
    started = time.process_time()
    with pytest.raises(Refused, match=reason):
        check(source)
    assert time.process_time() - started < 5
