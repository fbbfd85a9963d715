"""Classifiers that others trained and saved as ONNX: read with care, brought to the form of our own files, proved equal."""
