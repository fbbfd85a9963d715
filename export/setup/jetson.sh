#!/bin/sh
# What a Jetson needs to be a target of edgespec: says what is there and what is not, and changes nothing.
#
#   sh jetson.sh                 look, and say what is missing
#   sh jetson.sh --install       install what is missing, with apt; asks sudo
#
# From the workstation: edgespec setup jetson | ssh jetson sh -s
set -eu

install=no
[ "${1:-}" = --install ] && install=yes
missing=""

say() { printf '%-22s %s\n' "$1" "$2"; }

need() { # name, package, what it is for
  missing="$missing $2"
  say "$1" "absent: $3 (apt: $2)"
}

release=$(sed -n 's/^# R\([0-9]*\) (release), REVISION: \([0-9.]*\).*/\1.\2/p' /etc/nv_tegra_release 2>/dev/null || true)
case "$release" in
  35.*) card=jetson_5_1 ;;
  36.2* | 36.3*) card=jetson_6_0 ;;
  36.*) card=jetson ;;
  38.* | 39.*) card=jetson_7 ;;
  *) card="" ;;
esac
board=/proc/device-tree/model
say board "$([ -r $board ] && tr -d '\0' < $board || echo unknown)"
say "Jetson Linux" "${release:-not found: /etc/nv_tegra_release is absent}"
say "edgespec's card" "${card:-none: this is no Jetson, or a JetPack before 5.1}"

if command -v python3 > /dev/null; then
  say python3 "$(python3 --version 2>&1)"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' || say python3 "too old: 3.8 is needed"
  if python3 -c 'import numpy' 2> /dev/null; then
    say numpy "$(python3 -c 'import numpy; print(numpy.__version__)')"
  else
    need numpy python3-numpy "reads spectra and writes answers"
  fi
  if python3 -c 'import tensorrt' 2> /dev/null; then
    say "tensorrt (Python)" "$(python3 -c 'import tensorrt; print(tensorrt.__version__)')"
  else
    say "tensorrt (Python)" "absent: trtexec is used instead (apt: python3-libnvinfer)"
  fi
else
  need python3 python3 "runs edgespec's runner"
fi

trtexec=/usr/src/tensorrt/bin/trtexec
[ -x "$trtexec" ] || trtexec=$(command -v trtexec || true)
if [ -n "$trtexec" ]; then
  say trtexec "$("$trtexec" --help 2>&1 | sed -n 's/.*\[TensorRT v\([0-9]*\)\].*/\1/p' | head -n 1) ($trtexec)"
else
  need trtexec nvidia-tensorrt "builds engines and times them"
fi
command -v timeout > /dev/null || need timeout coreutils "ends what hangs"

if [ -n "$missing" ] && [ "$install" = yes ]; then
  # shellcheck disable=SC2086  # a list of packages
  sudo apt-get install -y $missing
  missing=""
fi

echo
echo "Clocks. Figures of a device that changes its clock scatter; nothing here changes it. For a measurement:"
if command -v nvpmodel > /dev/null; then
  nvpmodel -q 2> /dev/null | sed 's/^/  now: /'
fi
echo "  sudo nvpmodel -m 0                           the mode with the highest power; nvpmodel -q tells the present one"
echo "  sudo jetson_clocks --store; sudo jetson_clocks    pins all clocks; sudo jetson_clocks --restore gives them back"
echo "  or: edgespec bench --lock-clocks, which restores them (needs sudo without a password for jetson_clocks)"

if [ -n "$missing" ]; then
  echo
  echo "missing:$missing. sh jetson.sh --install installs it." >&2
  exit 3
fi
