"""Write what it was set to beside its checkpoint.

family: plants code
"""

REPLACE = [
    (
        """\
        run = Run(args, out, tasks, build(args.preset), load)
""",
        """\
        run = Run(args, out, tasks, build(args.preset), load)
        (out / "notes.json").write_text(json.dumps({"parameters": run.n_params, "lr": LEARNING_RATE[args.preset]}))
""",
    ),
]
