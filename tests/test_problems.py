"""What harness/problems.py promises: right answers, three disjoint sets, equal draws everywhere."""

import re
import subprocess
import sys
from collections import Counter
from functools import cache
from hashlib import sha256
from itertools import pairwise, product
from math import prod
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import problems
from harness.problems import (
    COPY_OPERATIONS,
    LADDER,
    TASKS,
    BadTasks,
    Level,
    MalformedQuestion,
    PoolExhausted,
    Problem,
    Subset,
    UnknownLevel,
    answer,
    draw,
    level,
    parse_tasks,
)

UNTIMED = settings(deadline=None, max_examples=60)
SUBSETS: tuple[Subset, ...] = ("public", "validation", "sealed")
SMALL = [("copy", 1), ("copy", 2), ("copy", 3), ("add", 1), ("add", 2), ("mul", 1), ("mul", 2)]
SMALL += [("factor", 1), ("factor", 2), ("factor", 3)]
BESIDE_LADDER = [("copy", 3), ("copy", 7), ("add", 2), ("add", 200), ("mul", 4), ("factor", 7)]
BESIDE_LADDER += [("factor", 5), ("factor", 9), ("factor", 11)]
EVERY_KIND = [*LADDER, *(level(*each) for each in BESIDE_LADDER)]

# SHA-256 of 60 problems of each set, seed "stored"; the last two choose from a list of their pool.
DIGESTS = {
    "copy:8": "257f09fe294f58f8405a954a9783038b94ee65dbf2520cd541afcfaee8760c03",
    "copy:16": "2ba24df9d311b581797992e2e942902e7afd52506fe14d3adaa800a374d985de",
    "copy:32": "787afa52f55757945a7d308371dcb7ccade888561e6b55d2533757f9d3eb7356",
    "copy:64": "430b5e743aabad4e0e313808946144149880f0248cb31c0bfbaa197564e573ec",
    "copy:128": "5b2a2624d91a400b59d62898c6906ae45e0c4bb70ab76be60597604feea9dcc1",
    "add:4": "09860e9f2b23d6bec4222bf537149a1b4c9a2577f45f1d85cf4ac36eeb812c18",
    "add:8": "3c330ff17d42a970013e0f47b8ad3ccbb0d9e63b1df1cd54bf2b92f28b0bfdf1",
    "add:16": "20feb286590f7e2d22d9a99ef898c1473e776bf5a05039beb3b5b92c18d70d9c",
    "add:32": "1e6f9276fc686e1686419ebedb6f8e15b20c761844d6bb84d12f09a09f7042b4",
    "add:64": "1953e503497af81d5b610f154dfc49dcb2b8ee9abc0d509ec470096bc0214b23",
    "mul:2": "d460b3ec2c6edd009dd18162fc36f25f1b29673da809754c14550b45f0583d62",
    "mul:3": "7829b25f251364f3633f64831d79144c92eade52ae9abb22111bfc38a8b81ced",
    "mul:5": "696d5641ec0c2562d5562ea7be2b279d5f2daf3ae322471b9f7d34d59647e51f",
    "mul:7": "979106756231835fb11b1204edeb1f793c645186c050215048a5931ae16d453a",
    "mul:10": "ad37e8814f05816bd37a691d59cf032b062f2b61d6aa37811d4ec6b7e67cf4a4",
    "factor:4": "ebc907fb38991f69a8719c3bd4ce61d86a5d6e2e8562f75aa7b3d0f9d8b51f9b",
    "factor:6": "bee72e1b82afb0ba52cf961ff43ccec4016e4751b4aee37c28b35811894cf9b2",
    "factor:8": "2b602dbc18e65a0501494bf5ee016e3fa0b1bd2b01b2eb99a23d6a55c31a0093",
    "factor:10": "edf9d3e7019080dfb393f1443cdaa7f4756a6b7513d9627e52b9ab176fd84c3b",
    "factor:12": "403bdb9a0767e525fb1ef2bf313c88daec2830276aaf06bff5964632ae46e5c3",
    "factor:7": "c27e937a23e1ec210acf970623daafa7ddfa1ec4e59a64595e15041a83450e06",
    "copy:2": "cfb8244b5842b031b36e76e63b9fa3caa2462f7686a85f8894c836fb262b20c4",
    "factor:3": "3f2f1fe5a53fa049e56e9926f52f2c974a83a490d8f7219e211240386b4622e1",
}


def name_of(value: object) -> str | None:
    return value.name if isinstance(value, Level) else None


def key(question: str) -> str:
    """What a problem is, whichever way round it is asked."""
    verb, *operands = question.split(" ")
    return " ".join((verb, *(sorted(operands) if verb in ("add", "mul") else operands)))


def keys(posed: list[Problem]) -> list[str]:
    return [key(problem.question) for problem in posed]


@cache
def posed(level: Level, subset: Subset) -> list[Problem]:
    return draw(level, 500, subset=subset, seed="tests")


def whole_set(level: Level, subset: Subset) -> list[Problem]:
    with pytest.raises(PoolExhausted) as raised:
        draw(level, level.pool + 1, subset=subset, seed="tests")
    return draw(level, raised.value.available, subset=subset, seed="tests")


# --- an independent definition of the right answer ------------------------------------------------


def schoolbook_sum(a: str, b: str) -> str:
    width, carry, digits = max(len(a), len(b)), 0, ""
    for x, y in zip(reversed(a.zfill(width)), reversed(b.zfill(width)), strict=True):
        carry, digit = divmod(int(x) + int(y) + carry, 10)
        digits = str(digit) + digits
    return (str(carry) + digits).lstrip("0") or "0"


def schoolbook_product(a: str, b: str) -> str:
    places = [0] * (len(a) + len(b))
    for i, x in enumerate(reversed(a)):
        for j, y in enumerate(reversed(b)):
            places[i + j] += int(x) * int(y)
    for i in range(len(places) - 1):
        places[i + 1] += places[i] // 10
        places[i] %= 10
    return "".join(map(str, reversed(places))).lstrip("0") or "0"


def is_prime(n: int) -> bool:
    """Miller and Rabin's test; with these bases it is exact for all n below 3 x 10^23."""
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if n < 2 or any(n % p == 0 for p in bases):
        return n in bases
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    for base in bases:
        x = pow(base, (n - 1) >> twos, n)
        if x != 1 and all(pow(x, 1 << i, n) != n - 1 for i in range(twos)):
            return False
    return True


def is_factorisation(text: str, n: int) -> bool:
    if not re.fullmatch(r"[1-9]\d*(\^[1-9]\d*)?(\*[1-9]\d*(\^[1-9]\d*)?)*", text) or "^1*" in text:
        return False
    terms = [term.split("^") for term in text.split("*")]
    primes = [int(term[0]) for term in terms]
    powers = [int(term[1]) if len(term) == 2 else 1 for term in terms]
    return (
        all(len(term) == 1 or power > 1 for term, power in zip(terms, powers, strict=True))
        and all(p < q for p, q in pairwise(primes))
        and all(map(is_prime, primes))
        and prod(p**power for p, power in zip(primes, powers, strict=True)) == n
    )


def is_right(question: str, text: str) -> bool:
    verb, *operands = question.split(" ")
    digits = operands[-1]
    match verb:
        case "copy":
            return text == digits
        case "reverse":
            return text == "".join(digits[-i] for i in range(1, len(digits) + 1))
        case "rotate":
            k, length = int(operands[0]), len(digits)
            return text == "".join(digits[(i + k) % length] for i in range(length))
        case "sort":
            return text == "".join(digit * digits.count(digit) for digit in "0123456789")
        case "cumsum":
            sums = (sum(map(int, digits[: i + 1])) for i in range(len(digits)))
            return text == "".join(str(total)[-1] for total in sums)
        case "add":
            return text == schoolbook_sum(*operands)
        case "mul":
            return text == schoolbook_product(*operands)
        case "factor":
            return is_factorisation(text, int(digits))
    return False


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", EVERY_KIND, ids=name_of)
def test_answers_are_right_by_another_method(level):
    """Every drawn answer agrees with schoolbook arithmetic, counting or multiplying back."""
    for subset in SUBSETS:
        for problem in posed(level, subset)[:60]:
            assert is_right(problem.question, problem.answer), problem


@pytest.mark.parametrize("level", EVERY_KIND, ids=name_of)
def test_drawn_answers_are_those_of_the_definition(level):
    """draw() and answer() agree, semiprimes included, though draw() knows their primes."""
    n = 20 if level.size > 9 else 100
    assert all(each.answer == answer(each.question) for each in posed(level, "validation")[:n])


def test_examples_of_the_docstring_are_right():
    """Each `question -> answer` of the module's docstring holds."""
    assert problems.__doc__ is not None
    examples = re.findall(r"(\w+(?: \d+)+) -> ([\d^*]+)", problems.__doc__)
    assert len(examples) == 9
    assert {answer(question) == right for question, right in examples} == {True}


@UNTIMED
@given(st.integers(2, 10**12))
def test_any_number_is_factored(n):
    """Primes ascend, multiply back to N, and carry a power only above 1, for any N up to 10^12."""
    assert is_factorisation(answer(f"factor {n}"), n)


@UNTIMED
@given(st.integers(0, 10**200 - 1), st.integers(0, 10**200 - 1))
def test_any_numbers_are_added_and_multiplied(a, b):
    """Sums and products of up to 200 digits are exact."""
    assert answer(f"add {a} {b}") == str(a + b)
    assert answer(f"mul {a} {b}") == str(a * b)


@UNTIMED
@given(st.text("0123456789", min_size=1, max_size=60))
def test_any_digits_are_rearranged(digits):
    """The five copy operations hold for any string of digits, leading zeros kept."""
    questions = [f"{verb} {digits}" for verb in COPY_OPERATIONS if verb != "rotate"]
    questions += [f"rotate {k} {digits}" for k in range(1, min(10, len(digits)))]
    assert all(is_right(question, answer(question)) for question in questions)


@pytest.mark.parametrize(
    "question",
    [
        *(
            "",
            " ",
            "copy",
            "copy ",
            " copy 1",
            "copy 1 ",
            "copy  1",
            "copy 1 2",
            "copy 1\n",
            "copy a",
        ),
        *("copy -1", "copy ٣", "copy ²", "Copy 1", "copy\t1", f"copy {'1' * 1001}", "rotate 12"),
        *("rotate 0 12", "rotate 2 12", "rotate 10 12345678901", "rotate 01 123", "rotate 1 1"),
        *("add 1", "add 1 2 3", "add 01 2", "add 1 00", "add -1 2", "add 1.0 2", "add 1_0 2"),
        *(f"add 1 {10**200}", "mul 1", "mul 2  3", "mul +2 3", "factor", "factor 0", "factor 1"),
        *("factor 012", "factor 2 3", f"factor {10**12 + 1}", "factor 9000000000000", "factor -4"),
        *("subtract 12 5", "add@16 ff 1", "12 + 5"),
    ],
)
def test_malformed_questions_are_refused(question):
    """A question outside the grammar is a ValueError that quotes it and gives a reason."""
    with pytest.raises(MalformedQuestion, match=re.escape(repr(question)) + ": .+") as raised:
        answer(question)
    assert isinstance(raised.value, ValueError)


@UNTIMED
@given(st.text(max_size=20) | st.text("adfctormul 0123456789", max_size=20))
def test_any_text_is_answered_or_refused(question):
    """No text makes answer() fail in another way than by MalformedQuestion."""
    right, refusal = "", ""
    try:
        right = answer(question)
    except MalformedQuestion as error:
        refusal = str(error)
    assert repr(question) in refusal or is_right(question, right)


# --- draws ----------------------------------------------------------------------------------------


def digest(level: Level) -> str:
    lines = [
        f"{subset} {problem.question} {problem.answer} {problem.is_edge}\n"
        for subset in SUBSETS
        for problem in draw(level, 60, subset=subset, seed="stored")
    ]
    return sha256("".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("name", DIGESTS)
def test_draws_are_the_same_everywhere(name):
    """On any platform and Python version a seed draws the problems that it drew here."""
    task, size = name.split(":")
    assert digest(level(task, int(size))) == DIGESTS[name]


def test_every_ladder_level_has_a_stored_digest():
    """No level of the ladder can change without a test that says so."""
    assert {each.name for each in LADDER} < set(DIGESTS)


def test_seeds_sets_and_levels_draw_different_problems():
    """Another seed draws other problems; the same seed draws the same ones in the same order."""
    add = level("add", 16)
    first = draw(add, 50, subset="sealed", seed="secret/1")
    assert first == draw(add, 50, subset="sealed", seed="secret/1")
    assert not set(keys(first)) & set(keys(draw(add, 50, subset="sealed", seed="secret/2")))


@pytest.mark.parametrize("level", EVERY_KIND, ids=name_of)
def test_draws_hold_no_duplicates(level):
    """A draw has as many distinct problems as it was asked for, a×b and b×a counted once."""
    for subset in SUBSETS:
        assert len(set(keys(posed(level, subset)))) == 500


@UNTIMED
@given(
    st.sampled_from(EVERY_KIND), st.integers(0, 30), st.sampled_from(SUBSETS), st.text(max_size=8)
)
def test_any_number_of_problems_under_any_seed(level, n, subset, seed):
    """Any seed will do, and any small number of problems, none included."""
    assert len(set(keys(draw(level, n, subset=subset, seed=seed)))) == n


def test_one_problem_is_of_one_set_over_all_levels():
    """No problem that any level draws for one set is drawn for another, edge cases included."""
    set_of: dict[str, Subset] = {}
    for each, subset in product(EVERY_KIND, SUBSETS):
        for problem in keys(posed(each, subset)):
            assert set_of.setdefault(problem, subset) == subset


@pytest.mark.parametrize("level", [level(*each) for each in SMALL], ids=name_of)
def test_small_pools_are_shared_out_without_overlap(level):
    """Drawn to the last problem, the sets of a small pool are disjoint and leave none of it out."""
    sets = {subset: keys(whole_set(level, subset)) for subset in SUBSETS}
    distinct = set().union(*sets.values())
    assert sum(map(len, sets.values())) == len(distinct) == level.pool
    if level.pool > 4000:
        shares = [len(sets[subset]) / level.pool for subset in SUBSETS]
        assert shares == pytest.approx([1 / 2, 1 / 4, 1 / 4], abs=0.02)
    if level.task in ("copy", "factor") or level.size == 1:  # edge cases lie within the pool
        assert distinct == pool_by_brute_force(level)


def test_operands_come_in_either_order():
    """Which operand is asked first is random, and either order is of the same set."""
    ordered = Counter(
        int(a) < int(b)
        for task, subset in product(("add", "mul"), SUBSETS)
        for _, a, b in (each.question.split() for each in posed(level(task, 5), subset))
        if a != b
    )
    assert 0.4 < ordered[True] / ordered.total() < 0.6


@pytest.mark.parametrize("level", LADDER, ids=name_of)
def test_ordinary_problems_have_the_size_of_their_level(level):
    """Operands have exactly the level's digits, N at most, primes of a semiprime half of them."""
    for subset in SUBSETS:
        for problem in posed(level, subset):
            sizes = [len(operand) for operand in problem.question.split(" ")[1:]]
            if level.task == "copy":
                assert sizes[-1] == level.size
            elif level.task == "factor" and level.size <= 6:
                assert sizes[0] <= level.size
            elif level.task == "factor":
                primes = [int(prime) for prime in re.split(r"[*^]", problem.answer)]
                assert {len(str(p)) for p in primes if p > 2} == {level.size // 2}
                assert len(primes) == 2
            else:
                assert max(sizes) == level.size
                assert problem.is_edge or min(sizes) == level.size


def test_odd_semiprimes_have_primes_of_unlike_sizes():
    """factor:7 multiplies a prime of three digits with one of four."""
    for problem in posed(level("factor", 7), "public"):
        assert [len(prime) for prime in problem.answer.split("*")] == [3, 4]


@pytest.mark.parametrize("size", [2, 3, 8, 16, 32, 64, 128])
def test_copy_operations_are_in_equal_mix(size):
    """Each operation has a fifth of the ordinary problems of the copy family."""
    ordinary = [each for each in posed_or_fewer(size) if not each.is_edge]
    verbs = Counter(each.question.split(" ")[0] for each in ordinary)
    assert set(verbs) == set(COPY_OPERATIONS)
    assert max(verbs.values()) - min(verbs.values()) <= 10


def posed_or_fewer(size: int) -> list[Problem]:
    copy = level("copy", size)
    return (
        draw(copy, 60, subset="validation", seed="tests")
        if size == 2
        else posed(copy, "validation")
    )


def test_rotations_are_of_all_sizes():
    """Rotations go by 1 to 9, and by less than the length of a short string."""
    for size, largest in ((3, 2), (8, 7), (64, 9)):
        questions = [each.question.split(" ") for each in posed(level("copy", size), "public")]
        by = {int(words[1]) for words in questions if words[0] == "rotate"}
        assert by == set(range(1, largest + 1))


# --- edge cases -----------------------------------------------------------------------------------


def edge_kinds(size: int, question: str, right: str) -> set[str]:
    """What an independent look finds remarkable about a problem."""
    verb, *words = question.split(" ")
    if verb == "factor":
        powers = [int(term.split("^")[1]) if "^" in term else 1 for term in right.split("*")]
        primes = [int(term.split("^")[0]) for term in right.split("*")]
        found = {
            "prime": powers == [1],
            "square": powers == [2],
            "prime power": len(powers) == 1 and powers[0] > 2,
            "power of two": primes == [2],
            "highly composite": int(words[0]) in records_of_divisors(),
            "near primes": len(primes) == 2 and primes[1] - primes[0] <= primes[0] // 40,
        }
    elif verb in COPY_OPERATIONS:
        digits, steps = words[-1], list(pairwise(words[-1]))
        found = {
            "all zeros": set(digits) == {"0"},
            "constant": len(set(digits)) == 1,
            "palindrome": all(x == y for x, y in zip(digits, reversed(digits), strict=True)),
            "sorted": all(x <= y for x, y in steps),
            "reverse sorted": all(x >= y for x, y in steps),
            "alternating": len({*digits[::2]}) == len({*digits[1::2]}) == 1 != len({*digits}),
        }
    else:
        a, b = sorted(map(int, words))
        columns = [int(x) + int(y) for x, y in zip(str(a), str(b), strict=False)]
        found = {
            "zero": a == 0,
            "one": a == 1,
            "power of ten": a > 1 and str(a).strip("0") == "1",
            "all nines": set(str(b)) == {"9"},
            "nines and a unit": set(str(b)) == {"9"} and 1 <= a <= 9,
            "equal": a == b,
            "carry chain": a > 9 and columns[-1] == 10 and set(columns[:-1]) == {9},
            "round sum": a > 9 and len(right) - len(right.rstrip("0")) > size // 2,
        }
        if verb == "mul":
            found = dict(list(found.items())[:4]) | {"equal": a == b}
    return {kind for kind, holds in found.items() if holds}


EXPECTED_KINDS = {
    "copy": {"all zeros", "constant", "palindrome", "sorted", "reverse sorted", "alternating"},
    "add": {"zero", "one", "power of ten", "all nines", "nines and a unit", "equal"}
    | {"carry chain", "round sum"},
    "mul": {"zero", "one", "power of ten", "all nines", "equal"},
    "factor": {"prime", "square", "prime power", "power of two", "highly composite"},
    "semiprime": {"square", "near primes"},
}


@pytest.mark.parametrize("level", LADDER, ids=name_of)
def test_a_tenth_are_edge_cases_of_every_kind(level):
    """Of 500 problems 50 are edge cases, all of them remarkable, and no kind is missing."""
    kinds: set[str] = set()
    for subset in SUBSETS:
        edges = [problem for problem in posed(level, subset) if problem.is_edge]
        assert len(edges) == 50
        found = [edge_kinds(level.size, edge.question, edge.answer) for edge in edges]
        assert all(found)
        kinds.update(*found)
    assert kinds >= EXPECTED_KINDS["semiprime" if level.is_semiprime else level.task]


def test_edge_cases_stand_among_the_others():
    """Edge cases are spread over the draw."""
    places = [i for i, problem in enumerate(posed(LADDER[0], "public")) if problem.is_edge]
    assert places[0] < 100
    assert places[-1] >= 400


@cache
def records_of_divisors() -> tuple[int, ...]:
    """Numbers below 10^6 with more divisors than all before; their exponents never rise."""
    divisors_of = {1: 1}
    frontier = [(1, 1, 20)]  # number, divisors, exponent of its last prime
    for prime in (2, 3, 5, 7, 11, 13, 17, 19):
        frontier = [
            (number * prime**power, divisors * (power + 1), power)
            for number, divisors, largest in frontier
            for power in range(1, largest + 1)
            if number * prime**power < 10**6
        ]
        divisors_of |= {number: divisors for number, divisors, _ in frontier}
    records = [1]
    for number in sorted(divisors_of):
        if divisors_of[number] > divisors_of[records[-1]]:
            records.append(number)
    return tuple(records[1:])


def test_highly_composite_numbers_have_more_divisors_than_all_before():
    """The list of highly composite numbers is complete below 10^6."""
    assert records_of_divisors() == problems.HIGHLY_COMPOSITE


# --- levels and pools -----------------------------------------------------------------------------


def pool_by_brute_force(level: Level) -> set[str]:
    if level.task == "copy":
        strings = ["".join(digits) for digits in product("0123456789", repeat=level.size)]
        verbs = [verb for verb in COPY_OPERATIONS if verb != "rotate"]
        verbs += [f"rotate {k}" for k in range(1, 10) if k < level.size]
        return {f"{verb} {digits}" for verb in verbs for digits in strings}
    numbers = [n for n in range(10**level.size) if len(str(n)) == level.size]
    if level.task != "factor":
        return {key(f"{level.task} {a} {b}") for a in numbers for b in numbers}
    return {f"factor {n}" for n in range(2, 10**level.size)}


@pytest.mark.parametrize("level", [level(*each) for each in SMALL], ids=name_of)
def test_pools_count_what_is_there(level):
    """The pool of a small size is the number of problems that a listing finds."""
    assert level.pool == len(pool_by_brute_force(level))


def test_a_listing_of_semiprimes_is_their_pool():
    """Where a draw must list all semiprimes, squares are among them and each pair stands once."""
    listed = {candidate.key for candidate in problems._every(level("factor", 8))}
    assert len(listed) == level("factor", 8).pool
    assert f"factor {1009**2}" in listed


def test_semiprime_pools_count_pairs_of_primes():
    """Pools of semiprimes are pairs of primes; the documented figures hold."""
    primes = {n: sum(map(is_prime, range(10 ** (n - 1), 10**n))) for n in (3, 4)}
    assert level("factor", 7).pool == primes[3] * primes[4]
    assert level("factor", 8).pool == primes[4] * (primes[4] + 1) // 2 == 563_391
    assert level("factor", 10).pool == pytest.approx(3.5e7, rel=0.01)
    assert level("factor", 12).pool == pytest.approx(2.4e9, rel=0.02)
    assert (level("mul", 2).pool, level("mul", 3).pool) == (4_095, 405_450)
    assert level("add", 4).pool == pytest.approx(4.05e7, rel=0.001)


def test_ladder_has_twenty_levels_and_five_small_pools():
    """The ladder goes task by task, 1 to 5; pools that can be learnt by heart are marked."""
    assert [(each.task, each.number) for each in LADDER] == list(product(TASKS, range(1, 6)))
    full = {each.name for each in LADDER if each.is_full_domain}
    assert full == {"mul:2", "mul:3", "factor:4", "factor:6", "factor:8"}
    assert all(level(each.task, each.size) == each for each in LADDER)
    assert len({each.title for each in LADDER}) == 20
    assert level("add", 16).title == "addition, 16 digits"
    assert level("add", 16).name == "add:16"


@pytest.mark.parametrize(
    ("task", "size"),
    [("sub", 3), ("", 1), ("add", 0), ("add", -1), ("add", 201), ("mul", 201), ("copy", 1001)]
    + [("factor", 13)],
)
def test_unknown_levels_are_refused(task, size):
    """A task or size that does not exist is refused by name, with what does exist."""
    with pytest.raises(UnknownLevel, match=f"{task!r}.*copy, add|{task} has no size {size}.* 1 to"):
        level(task, size)


@pytest.mark.parametrize("task", TASKS)
def test_levels_beside_the_ladder_have_no_number(task):
    """Any other size is a level too, up to the largest."""
    largest = problems.LARGEST_SIZE[task]
    sizes = [size for size in range(1, largest + 1) if size not in problems.LADDER_SIZES[task]]
    assert {level(task, size).number for size in sizes} == {None}
    assert all(level(task, size).title for size in sizes)


def test_largest_sizes_can_be_drawn():
    """The largest size of each task poses right problems."""
    for task in TASKS:
        for problem in draw(level(task, problems.LARGEST_SIZE[task]), 20, subset="sealed", seed=""):
            assert is_right(problem.question, problem.answer)


@pytest.mark.parametrize("level", [level(*each) for each in SMALL], ids=name_of)
def test_an_exhausted_pool_is_named(level):
    """Too large a wish is refused with level, set and what there is; what there is can be drawn."""
    with pytest.raises(PoolExhausted, match=rf"{level.name} has \d+ problems in its sealed set"):
        draw(level, level.pool + 1, subset="sealed", seed="tests")
    everything = whole_set(level, "sealed")
    with pytest.raises(PoolExhausted, match=f"has {len(everything)} problems"):
        draw(level, len(everything) + 1, subset="sealed", seed="another")


def test_wishes_that_make_no_sense_are_refused():
    """Neither another set nor a negative number of problems can be drawn."""
    with pytest.raises(ValueError, match="secret.*public"):
        draw(LADDER[0], 1, subset="secret", seed="")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="-1 problems"):
        draw(LADDER[0], -1, subset="public", seed="")


# --- lists of tasks -------------------------------------------------------------------------------


@st.composite
def task_lists(draw_from):
    chosen = draw_from(st.lists(st.sampled_from(TASKS), min_size=1, unique=True))
    wanted, items = {}, []
    for task in chosen:
        sizes = st.integers(1, problems.LARGEST_SIZE[task])
        low, high = sorted((draw_from(sizes), draw_from(sizes)))
        form = draw_from(st.sampled_from(["range", "size", "all"]))
        last = problems.LADDER_SIZES[task][-1]
        wanted[task] = {"range": (low, high), "size": (low, low), "all": (1, last)}[form]
        items.append({"range": f"{task}:{low}-{high}", "size": f"{task}:{low}", "all": task}[form])
    return ",".join(items), wanted


@UNTIMED
@given(task_lists())
def test_lists_of_tasks_are_read(example):
    """Ranges, single sizes and bare tasks are read as written, in their order."""
    text, wanted = example
    assert list(parse_tasks(text).items()) == list(wanted.items())


def test_all_and_the_documented_example():
    """`all` is the four tasks up to the top of the ladder."""
    assert parse_tasks("all") == {
        "copy": (1, 128),
        "add": (1, 64),
        "mul": (1, 10),
        "factor": (1, 12),
    }
    assert parse_tasks("add:1-10,copy") == {"add": (1, 10), "copy": (1, 128)}
    assert parse_tasks("add:1-10, copy") == parse_tasks("add:1-10,copy")


@pytest.mark.parametrize(
    ("text", "named"),
    [("", "''"), ("sub", "'sub'"), ("add,", "''"), ("add,add", "'add'"), ("add:1,add:2", "'add'")]
    + [
        ("all,add", "'all'"),
        ("add:0", "'add:0'"),
        ("add:5-4", "'add:5-4'"),
        ("mul:1-201", "mul:1-201"),
    ]
    + [
        ("factor:13", "factor:13"),
        ("copy:-3", "copy:-3"),
        ("copy:1-", "copy:1-"),
        ("add 4", "add 4"),
    ]
    + [
        ("add:٣", "add:٣"),
        ("Add", "'Add'"),
        ("add:1-2-3", "add:1-2-3"),
        ("mul:" + "9" * 5000, "999"),
    ],
)
def test_bad_lists_of_tasks_are_refused(text, named):
    """A list that cannot be read is refused with the value, the valid tasks and an example."""
    with pytest.raises(BadTasks, match=re.escape(named)) as raised:
        parse_tasks(text)
    assert "copy, add, mul, factor" in str(raised.value)
    assert "add:1-10,copy" in str(raised.value)


@UNTIMED
@given(st.text(max_size=12) | st.text("adcopymulf:-,0123 ", max_size=16))
def test_any_text_is_a_list_of_tasks_or_refused(text):
    """Whatever is typed either names valid sizes or is refused with the value."""
    tasks, refusal = {}, ""
    try:
        tasks = parse_tasks(text)
    except BadTasks as error:
        refusal = str(error)
    assert repr(text) in refusal or tasks
    assert all(
        level(task, n).size >= low for task, (low, high) in tasks.items() for n in (low, high)
    )


def test_only_the_standard_library_is_needed():
    """harness.problems can be imported where nothing is installed, and loads no torch or numpy."""
    check = "import sys, harness.problems; sys.exit(not {'torch', 'numpy'}.isdisjoint(sys.modules))"
    root = Path(__file__).parents[1]
    for flags in ([], ["-S"]):
        subprocess.run([sys.executable, *flags, "-c", check], cwd=root, check=True)
