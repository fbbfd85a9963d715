"""Teachers that edgespec did not train: ONNX files, other runs, programs, and answers that were asked for elsewhere."""
