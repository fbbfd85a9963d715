"""C99 without a runtime: a checked ONNX file as `model.h` and `model.c`, made operator by operator."""
