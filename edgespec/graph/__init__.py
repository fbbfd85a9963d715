"""ONNX files: exported, joined, run, checked."""
