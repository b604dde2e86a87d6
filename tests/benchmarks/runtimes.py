"""MiniLM in other runtimes, for bench.py: OpenVINO and ONNX Runtime, where installed.

The backends of sentence-transformers need `optimum`, which does not take the lock's
transformers yet. So the model is exported here, and fed as the library feeds its own:
the longest texts first, 32 a batch, padded to the longest of the batch.
"""

import importlib.util
import io

import numpy as np
import torch


def forwards(bert):
    """Yield each runtime's name and its forward pass, from arrays to token vectors."""
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = {name: torch.ones(2, 16, dtype=torch.long) for name in names}
    inputs["attention_mask"][1, 8:] = 0  # ones alone would be left out of the export
    if importlib.util.find_spec("openvino"):
        yield "OpenVINO", _openvino(bert, inputs)
    if importlib.util.find_spec("onnxruntime"):
        yield "ONNX Runtime", _onnx(bert, inputs)


def _openvino(bert, inputs):
    import openvino

    wanted = {"INFERENCE_NUM_THREADS": torch.get_num_threads()}
    wanted["INFERENCE_PRECISION_HINT"] = "f32"
    exported = openvino.convert_model(bert, example_input=inputs)
    compiled = openvino.Core().compile_model(exported, "CPU", wanted)
    return lambda arrays: compiled(arrays)[0]


def _onnx(bert, inputs):
    import onnxruntime

    free = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    file = io.BytesIO()
    torch.onnx.export(
        bert,
        kwargs=inputs,
        dynamic_shapes=dict.fromkeys(inputs, free),
        verbose=False,
    ).save(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options)
    return lambda arrays: session.run(None, arrays)[0]


def encode(model, forward, texts):
    """Return vectors of length 1 through a runtime's forward pass: (n, 384)."""
    order = sorted(range(len(texts)), key=lambda n: -len(texts[n]))
    rows = np.empty((len(texts), 384), np.float32)
    for start in range(0, len(order), 32):
        chosen = order[start : start + 32]
        inputs = model.tokenizer(
            [texts[n] for n in chosen],
            padding=True,
            truncation=True,
            max_length=model.max_seq_length,
            return_tensors="np",
        )
        mask = inputs["attention_mask"][..., None]
        means = (forward(dict(inputs)) * mask).sum(1) / mask.sum(1)
        rows[chosen] = means / np.linalg.norm(means, axis=1, keepdims=True)
    return rows
