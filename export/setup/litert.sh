#!/bin/sh
# What turns an ONNX file into LiteRT's .tflite, on the workstation: litert-torch and what it imports, into EDGESPEC_HOME/litert (0.8 GB).
#
#   PYTHON=.venv/bin/python sh litert.sh       the Python in which edgespec is installed; its torch is used
#
# A folder of their own and --no-deps: installed in the usual way these packages bring a hundred others and older versions of edgespec's own.
# Nothing of it goes to a device, which needs only: python3 -m pip install ai-edge-litert numpy
set -eu

python=${PYTHON:-python3}
place=${EDGESPEC_LITERT:-${EDGESPEC_HOME:-$HOME/.cache/edgespec}/litert}
command -v "$python" >/dev/null || { echo "this needs $python, which is not here: PYTHON=... names another" >&2; exit 3; }
"$python" -c 'import torch' 2>/dev/null || { echo "$python has no torch: PYTHON=... names the Python in which edgespec is installed" >&2; exit 3; }
rm -rf "$place.part"
mkdir -p "$place.part"
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --target "$place.part" \
    litert-torch==0.10.0 litert-converter==0.5.0 ai-edge-litert==2.3.0 ai-edge-quantizer==0.10.0 jax==0.10.2 jaxlib==0.10.2 xdsl==0.28.0 \
    lark==1.3.1 opt_einsum==3.4.0 backports.strenum==1.2.8 flatbuffers==25.12.19 immutabledict==4.3.1 multipledispatch==1.0.0 torchao==0.18.0
PYTHONPATH=$place.part "$python" -c 'import litert_torch; print("litert:", "litert-torch", litert_torch.__version__)' 2>/dev/null ||
    { echo "litert-torch does not load beside this torch" >&2; exit 3; }
rm -rf "$place"
mv "$place.part" "$place"
