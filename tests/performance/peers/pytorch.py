"""PyTorch's side of every part. Modes: `eager`; `inference`, eager under inference_mode; `compile`, torch.compile,
which needs a C++ compiler and keeps what it compiled in the folder for temporary files; `bfloat16-compile`, under autocast
too."""

import argparse
import os
import shutil
import sys

from protocol import Options, serve, tell

try:
    import torch

    import embedding
    import epoch
    import experts
    import matmuls
    import transformer
except ImportError as error:
    tell({"missing": f"{error}; install torch and numpy for the Python of TEST_PYTHON"})
    sys.exit(0)

WORKLOADS = {
    "experts": experts.training,
    "scoring": experts.scoring,
    "transformer": transformer.training,
    "embedding": embedding.training,
    "epoch": epoch.whole_pass,
    "matmuls": matmuls.limits,
}


def has_compiler() -> bool:
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "g++", "clang++"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--mode", choices=["eager", "inference", "compile", "bfloat16-compile"], default="eager")
    parser.add_argument("--form", default="", help="how the model is written")
    parser.add_argument("--rows", type=int, default=1024, help="examples of a step, or candidates")
    parser.add_argument("--table-rows", type=int, default=1_000_000)
    parser.add_argument("--shapes", default="", help="multiplications, between semicolons")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a measurement")
    arguments = vars(parser.parse_args())
    prepare, threads = WORKLOADS[arguments.pop("workload")], arguments.pop("threads")
    options = Options(**arguments)
    if options.mode.endswith("compile") and not has_compiler():
        return tell({"missing": "torch.compile needs a C++ compiler, g++ or clang++"})
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    serve(f"PyTorch {torch.__version__}", prepare(options))


if __name__ == "__main__":
    main()
