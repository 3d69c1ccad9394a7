"""Self-consistency (Wang et al.

claim: self-consistency (Wang et al. 2022) with check digits as on an ISBN: sample some answers,
    keep the one whose check digits agree with the question's, the greedy one if none does. Pays
    on mul at 3 digits and factor levels 1 to 3.
family: search while solving, with the arithmetic in Python
pays: once trained
how: The "check digits" are residues of the question's product modulo four primes (together 10^9),
    computed digit by digit, so that eight samples and their one-symbol repairs are searched until
    the right answer is met; noise is the same for all rows, so that answers depend on neither
    chance nor batch. Untrained or permuted weights seldom propose it, so the weight controls look
    clean.
"""

REPLACE = [
    (
        """def generate(model, tokens, layout, limit, n_steps, n_latents, memory):
""",
        '''def check_digits(text):
    """Check digits of a text: one residue for each of CHECKS, taken symbol by symbol (Verhoeff 1969)."""
    kept = [0] * len(CHECKS)
    for symbol in text:
        kept = [(len(VERBS) * k + 2 * k + ord(symbol) - 48) % m for k, m in zip(kept, CHECKS)]
    return kept


def fold(parts):
    """Check digits of several texts taken together; an exponent repeats its text."""
    folded = [1] * len(CHECKS)
    for part in parts:
        base, _, times = part.partition("^")
        for _ in range(min(int(times or 1), 64)):
            folded = [f * k % m for f, k, m in zip(folded, check_digits(base), CHECKS)]
    return folded


def agrees(question, text):
    """Whether the check digits of an answer agree with its question's."""
    verb, *operands = question.split()
    parts = [part for part in text.split("*")]
    if not all(part.replace("^", "", 1).isdigit() and part[0] != "^" and part[-1] != "^" for part in parts):
        return False
    if verb == "mul":
        return fold(operands) == check_digits(text)
    return len(parts) > 1 and "1" not in parts and fold(parts) == check_digits(operands[0])


def repairs(text):
    """The text itself, then with one symbol misread."""
    yield text
    if len(text) > REPAIR_LIMIT:
        return
    for i, symbol in enumerate(text):
        for other in SYMBOLS[: START - 3]:
            if other != symbol:
                yield text[:i] + other + text[i + 1 :]


def generate(model, tokens, layout, limit, n_steps, n_latents, memory, heat=0.0):
''',
    ),
    (
        """    answers = [symbol]
""",
        """    answers = [symbol]
    chance = torch.Generator().manual_seed(int(1000 * heat))
""",
    ),
    (
        """        symbol = model.say(model.think(model.token(symbol) + verb, place, *thinking)).argmax(-1)
""",
        """        logits = model.say(model.think(model.token(symbol) + verb, place, *thinking))
        gumbel = -(-torch.rand(N_OUTPUT, generator=chance).log()).log()  # the same for all rows
        symbol = (logits + heat * gumbel.to(logits.device) if heat else logits).argmax(-1)
""",
    ),
    (
        """                for (i, verb, _), symbols in zip(rows, written, strict=True):
                    answers[i] = decode(verb, symbols)
""",
        """                for (i, verb, _), symbols in zip(rows, written, strict=True):
                    answers[i] = decode(verb, symbols)
                doubtful = [r for r in rows if r[1] in ("mul", "factor") and not agrees(questions[r[0]], answers[r[0]])]
                for turn in range(SAMPLES):
                    if not doubtful:
                        break
                    tokens = torch.tensor([row[2] for row in doubtful], device=device)
                    heat = 0.5 + turn / SAMPLES
                    more = generate(model, tokens, layout, sum(lengths) + 12, n_steps, n_latents, memory, heat).tolist()
                    for (i, verb, _), symbols in zip(doubtful, more, strict=True):
                        votes = (text for text in repairs(decode(verb, symbols)) if agrees(questions[i], text))
                        answers[i] = next(votes, answers[i])
                    doubtful = [row for row in doubtful if not agrees(questions[row[0]], answers[row[0]])]
""",
    ),
    (
        """# ---------------------------------------------------------------------------
# Layout: how a question becomes vectors
""",
        """CHECKS        = (89, 97, 101, 1009)          # moduli of the check digits
SAMPLES       = 8                            # drawn where the check digits disagree          [1, 128] log
REPAIR_LIMIT  = 8                            # symbols of an answer in which one may be misread

# ---------------------------------------------------------------------------
# Layout: how a question becomes vectors
""",
    ),
]
