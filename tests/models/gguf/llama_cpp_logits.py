"""Prints llama.cpp's logits: a process of its own, so that a crash of it is no crash of the tests.

python llama_cpp_logits.py FILE.gguf OUT.npy ID...
"""

import sys

import llama_cpp  # type: ignore[import-not-found,unused-ignore]
import numpy as np


def without_repacking() -> "llama_cpp.llama_model_params":
    """Plain kernels: those for AMX crash on some virtual machines."""
    params = DEFAULTS()
    params.use_extra_bufts = False
    return params


DEFAULTS = llama_cpp.llama_cpp.llama_model_default_params
llama_cpp.llama_cpp.llama_model_default_params = without_repacking

if __name__ == "__main__":
    path, out, *words = sys.argv[1:]
    model = llama_cpp.Llama(path, n_ctx=512, logits_all=True, verbose=False, n_threads=2)
    model.eval([int(word) for word in words])
    np.save(out, np.array(model.scores[: len(words)], np.float32))
