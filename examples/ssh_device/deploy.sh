#!/bin/sh
# Copy a run's bundle to a device and check it there: deploy.sh RUN USER@HOST [FOLDER]
# The device needs ssh, Python 3.8 or newer, numpy and ONNX Runtime (edgespec setup rpi5).
# the folder is meant to be written into the commands on this side
# shellcheck disable=SC2029
set -eu
run=$1 host=$2 folder=${3:-edgespec-model}
edgespec export "$run" --out "$run/bundle-$$"
trap 'rm -rf "$run/bundle-$$"' EXIT
edgespec verify "$run/bundle-$$"
ssh "$host" "mkdir -p '$folder'"
tar -C "$run/bundle-$$" -cf - . | ssh "$host" "tar -C '$folder' -xf -"
ssh "$host" "cd '$folder' && python3 runner.py verify ."
