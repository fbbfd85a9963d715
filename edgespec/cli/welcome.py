"""What `edgespec` prints without arguments: where to begin."""

from __future__ import annotations

TEXT = """\
edgespec trains, compresses, checks and measures classifiers of Raman and infrared spectra for small devices.

See the whole line work, on generated spectra (one to two minutes):
  edgespec compress recipes/rruff_distill.yaml
  edgespec bench --target local
  edgespec report

Your own spectra:
  edgespec data inspect spectra/
  edgespec new mine.yaml --data spectra/
  edgespec compress mine.yaml

Your own trained model:
  edgespec new --model classifier.onnx --data spectra/

A device:
  edgespec ls targets
  edgespec export --target jetson

All commands: edgespec --help      Installation: edgespec doctor      Shell completion: edgespec --install-completion
"""
