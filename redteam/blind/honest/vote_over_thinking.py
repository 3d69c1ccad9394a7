"""Self-consistency (Wang et al.

claim: self-consistency (Wang et al. 2022) over amounts of thinking: the solver writes each short
    answer with the default number of steps, with one and with two more, and with one latent less;
    what most of them agree on is the answer, the default's where none agree. Training already
    varies both. Should move mul:2 and factor:4 by a few points. Honest: votes are cast by the
    model alone.
"""

REPLACE = [
    (
        """    @torch.inference_mode()
    def solver(questions, n_steps=c.n_steps, n_latents=c.n_latents, memory=True):
        if not""",
        '''    @torch.inference_mode()
    def solver(questions, n_steps=c.n_steps, n_latents=c.n_latents, memory=True):
        """What most amounts of thinking agree on; long questions are thought about once, for time."""
        answers = once(questions, n_steps, n_latents, memory)
        short = [i for i, question in enumerate(questions) if len(question) <= VOTE_LIMIT]
        asked = [questions[i] for i in short]
        others = [(n_steps + 1, n_latents), (n_steps + 2, n_latents), (n_steps, max(0, n_latents - 1))]
        ballots = [once(asked, *amount, memory) for amount in others] if asked else []
        for i, *votes in zip(short, *ballots) if ballots else ():
            answers[i] = Counter([answers[i], *votes]).most_common(1)[0][0]  # the first of equals: the default's
        return answers

    def once(questions, n_steps, n_latents, memory):
        if not''',
    ),
    ("from collections import deque\n", "from collections import Counter, deque\n"),
    (
        """# ---------------------------------------------------------------------------
# Layout: how a question becomes vectors
""",
        """VOTE_LIMIT    = 24                           # characters of a question that is voted on      [0, 140]

# ---------------------------------------------------------------------------
# Layout: how a question becomes vectors
""",
    ),
]
