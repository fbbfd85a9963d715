"""What a runtime builds of an ONNX file before it can run: outlined, built, kept."""
