"""Opens a version's weights and one of its graphs with the libraries of others. Feeds come as JSON on stdin; answers in JSON."""

import hashlib
import json
import sys
from pathlib import Path

import numpy
import onnxruntime
from safetensors.numpy import load_file

folder = Path(sys.argv[1])
requests = json.load(sys.stdin)

tensors = load_file(folder / "weights.safetensors")
session = onnxruntime.InferenceSession(folder / sys.argv[2], providers=["CPUExecutionProvider"])
types = {"tensor(float)": numpy.float32, "tensor(int32)": numpy.int32}


def scores(request: dict[str, list[float]]) -> list[float]:
    feeds = {
        node.name: numpy.array(request[node.name], dtype=types[node.type]).reshape(node.shape)
        for node in session.get_inputs()
    }
    return session.run(["scores"], feeds)[0].reshape(-1).tolist()


print(
    json.dumps(
        {
            "tensors": {
                name: {
                    "dtype": str(tensor.dtype),
                    "shape": tensor.shape,
                    "sha256": hashlib.sha256(tensor.tobytes()).hexdigest(),
                }
                for name, tensor in tensors.items()
            },
            "scores": [scores(request) for request in requests],
        }
    )
)
