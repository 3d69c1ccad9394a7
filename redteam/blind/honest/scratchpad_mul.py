"""A product is written as running sums (Horner, from the highest digit of the second factor).

claim: a product is written as running sums (Horner, from the highest digit of the second factor):
    each line is an addition of a one-digit product to ten times the line before, which is
    learnable, where whole products are not. Lines have a fixed width, a slot stands at its place
    within the line (low) and at its line (high), which is the high place of the digit that the
    line multiplies by; `decode` keeps the last line and cuts its zeros. Should move mul:3 and
    mul:5 from 0. Honest: the model writes all intermediate digits itself.
"""

REPLACE = [
    (
        """    text = "".join(SYMBOLS[t] for t in (tokens[: tokens.index(END)] if END in tokens else tokens))
    return text[::-1] if verb in ("add", "mul") else text
""",
        '''    text = "".join(SYMBOLS[t] for t in (tokens[: tokens.index(END)] if END in tokens else tokens))
    if verb == "mul":  # lines of running sums: the last one is the product
        return text.rpartition("*")[2][::-1].lstrip("0") or "0"
    return text[::-1] if verb == "add" else text


def slot_places(tokens, t):
    """Places (low, high) of answer slots t (N,): those of a product restart at each line, and high counts lines."""
    if int(tokens[0, 0]) != 14 + VERBS.index("mul"):
        return t, t
    line = tokens.shape[1] - 4  # of two operands of n digits: 2n and a separator
    return t % line, t // line
''',
    ),
    (
        """            q, k, v = self.block.project(x, self.rotation(place, place, step))
""",
        """            q, k, v = self.block.project(x, self.rotation(*place, step))
""",
    ),
    (
        '''        """Take vectors x (B, N, d) at places (N,) through the thinking steps; returns them.
''',
        '''        """Take vectors x (B, N, d) at places (low (N,), high (N,)) through the thinking steps; returns them.
''',
    ),
    (
        """        place = (index - n_latents).clamp(min=0)  # free latents stand at 0
""",
        """        place = slot_places(tokens, (index - n_latents).clamp(min=0))  # free latents stand at 0
""",
    ),
    (
        """        place = torch.zeros(n_latents, dtype=torch.long, device=tokens.device)
""",
        """        place = (torch.zeros(n_latents, dtype=torch.long, device=tokens.device),) * 2
""",
    ),
    (
        """        place = torch.tensor([len(answers) - 1], device=tokens.device)
""",
        """        place = slot_places(tokens, torch.tensor([len(answers) - 1], device=tokens.device))
""",
    ),
    (
        """        groups = {}  # questions of one layout are answered together, so that nothing needs padding
        for i, question in enumerate(questions):
            lengths, tokens = encode(question)
            groups.setdefault(lengths, []).append((i, question.split()[0], tokens))
        answers = [""] * len(questions)
        for lengths, group in groups.items():
            layout = torch.tensor(operand_layout(lengths), device=device)
""",
        """        groups = {}  # questions of one layout and kind of answer go together, so that nothing needs padding
        for i, question in enumerate(questions):
            lengths, tokens = encode(question)
            verb = question.split()[0]
            groups.setdefault((lengths, verb == "mul"), []).append((i, verb, tokens))
        answers = [""] * len(questions)
        for (lengths, lines), group in groups.items():
            layout = torch.tensor(operand_layout(lengths), device=device)
            limit = lengths[0] * (2 * lengths[0] + 1) if lines else sum(lengths) + 12
""",
    ),
    (
        """                written = generate(model, tokens, layout, sum(lengths) + 12, n_steps, n_latents, memory).tolist()
""",
        """                written = generate(model, tokens, layout, limit, n_steps, n_latents, memory).tolist()
""",
    ),
    (
        """def make_mul(rows, n, device):
    a, b = shorten(digits(rows, n, device), 0.1), shorten(digits(rows, n, device), 0.1)
    product = torch.zeros(rows, 2 * n, dtype=torch.long, device=device)
""",
        '''def make_mul(rows, n, device):
    a, b = shorten(digits(rows, n, device), 0.1), shorten(digits(rows, n, device), 0.1)
    star = torch.full((rows, 1), SYMBOLS.index("*"), device=device)
    lines = []
    for i in range(n - 1, -1, -1):  # the digits of b from the highest down to the i-th
        lines += [product_digits(a, F.pad(b[:, i:], (0, i))), star]
    return (a, b), torch.cat((*lines[:-1], torch.full_like(star, END)), dim=1)


def product_digits(a, b):
    """Digits (B, 2n) of the products of numbers given as digits (B, n), lowest first."""
    rows, n = a.shape
    product = torch.zeros(rows, 2 * n, dtype=torch.long, device=a.device)
''',
    ),
    (
        """            return (a, b), number_answer(carry_once(product))
""",
        """            return carry_once(product)[:, :-1]
""",
    ),
    (
        """        rows = max(4, min(BATCH[self.preset], BATCH_SLOTS[self.preset] // (n + 1)))
""",
        """        slots = n * (2 * n + 1) if skill == "mul" else n + 1
        rows = max(4, min(BATCH[self.preset], BATCH_SLOTS[self.preset] // slots))
""",
    ),
]
