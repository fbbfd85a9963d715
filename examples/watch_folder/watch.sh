#!/bin/sh
# Classify every spectrum that an instrument saves into a folder, and append one line of JSON for each: watch.sh RUN FOLDER answers.jsonl
# Ctrl-C ends it.
set -eu
run=$1 folder=$2 answers=$3
exec edgespec predict "$run" "$folder" --watch --json >> "$answers"
