"""Greedy writing commits to a first symbol that the rest cannot mend.

claim: greedy writing commits to a first symbol that the rest cannot mend; a beam of four keeps
    the likeliest whole answer by the model's own log-probabilities. Should move factor:4 and
    factor:6 (the first prime is a guess) and mul:2 by a little; only short answers, so that
    solving stays within its time. Honest: it asks nothing but the model.
"""

REPLACE = [
    (
        """# ---------------------------------------------------------------------------
# Layout: how a question becomes vectors
""",
        """BEAMS         = 4                            # answers kept while writing                     [1, 8]
BEAM_LIMIT    = 40                           # longer answers are written greedily, for time  [0, 140]

# ---------------------------------------------------------------------------
# Layout: how a question becomes vectors
""",
    ),
    (
        '''    """Answers (B, <= limit) to questions (B, M), symbol by symbol, each the most likely after the ones before.

    The latents and every slot are computed once: nothing that they see comes after them.
    """
    *question, verb = model.read_input(tokens, layout)
    thinking = question, [], n_steps, reach(memory, n_steps)
    if n_latents:
        place = torch.zeros(n_latents, dtype=torch.long, device=tokens.device)
        model.think(model.latent[:n_latents].expand(len(tokens), -1, -1) + verb, place, *thinking)
    symbol = torch.full((len(tokens), 1), START, device=tokens.device)
    answers = [symbol]
    done = torch.zeros_like(symbol, dtype=torch.bool)
    while len(answers) <= limit and not done.all():
        place = torch.tensor([len(answers) - 1], device=tokens.device)
        symbol = model.say(model.think(model.token(symbol) + verb, place, *thinking)).argmax(-1)
        answers.append(symbol)
        done |= symbol == END
    return torch.cat(answers[1:], dim=1)
''',
        '''    """Answers (B, <= limit) to questions (B, M), symbol by symbol, by beam search: the likeliest found as a whole.

    The latents and every slot are computed once: nothing that they see comes after them. Rows are question by
    question, the beams of one question side by side.
    """
    beams = BEAMS if limit <= BEAM_LIMIT else 1
    *question, verb = model.read_input(tokens, layout)
    past = []
    thinking = question, past, n_steps, reach(memory, n_steps)
    if n_latents:
        place = torch.zeros(n_latents, dtype=torch.long, device=tokens.device)
        model.think(model.latent[:n_latents].expand(len(tokens), -1, -1) + verb, place, *thinking)
    question[:] = [each.repeat_interleave(beams, dim=0) for each in question]
    past[:] = [tuple(each.repeat_interleave(beams, dim=0) for each in step) for step in past]
    verb = verb.repeat_interleave(beams, dim=0)
    rows = torch.arange(len(tokens), device=tokens.device)[:, None] * beams
    score = torch.full((len(tokens), beams), -math.inf, device=tokens.device)
    score[:, 0] = 0.0  # all beams begin alike: the first one alone counts
    written = torch.full((len(verb), 1), START, device=tokens.device)
    done = torch.zeros(len(verb), dtype=torch.bool, device=tokens.device)
    stay = torch.full((N_OUTPUT,), -math.inf, device=tokens.device)
    stay[END] = 0.0  # what is done is continued by END at no cost
    while written.shape[1] <= limit and not done.all():
        place = torch.tensor([written.shape[1] - 1], device=tokens.device)
        logits = model.say(model.think(model.token(written[:, -1:]) + verb, place, *thinking))[:, 0]
        gain = torch.where(done[:, None], stay, logits.log_softmax(-1))
        score, best = (score.view(-1, 1) + gain).view(len(tokens), -1).topk(beams, dim=1)
        source, symbol = (rows + best // N_OUTPUT).flatten(), (best % N_OUTPUT).flatten()
        if beams > 1:
            past[:] = [(k[source], v[source]) for k, v in past]
        written = torch.cat((written[source], symbol[:, None]), dim=1)
        done = done[source] | (symbol == END)
    return written[::beams, 1:]
''',
    ),
]
