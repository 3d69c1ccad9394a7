"""llama.cpp's own HTTP server with a small language model, on 127.0.0.1; for test_llama.py.

For a Python that has xllamacpp: python llama_server.py MODEL TEMPLATE NAME PORT CONTEXT KEY.
Prints its address once it answers, and serves until its standard input ends.
"""

import sys
from pathlib import Path

import xllamacpp

MOST_REPLY = 160  # tokens, whatever a request asks for: a small model may never stop by itself


def serve(model, template, name, port, context, key):
    wanted = xllamacpp.CommonParams()
    wanted.model.path, wanted.model_alias = model, {name}
    wanted.chat_template = Path(template).read_text(encoding="utf-8")
    wanted.port, wanted.n_ctx, wanted.api_keys = int(port), int(context), [key]
    wanted.n_parallel, wanted.n_predict = 1, MOST_REPLY
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = 1
    wanted.sampling.temp = 0.0  # the same reply to the same request
    wanted.verbosity = 1
    server = xllamacpp.Server(wanted)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])
