#!/bin/sh
# What a Raspberry Pi 5 (or 4) needs to be a target of edgespec: says what is there and what is not, and changes nothing.
#
#   sh rpi5.sh                   look, and say what is missing
#   sh rpi5.sh --install         make ~/edgespec with numpy and ONNX Runtime in it; asks sudo for python3-venv alone
#
# From the workstation: edgespec setup rpi5 | ssh pi sh -s
# Then the card, targets/rpi5.yaml beside your recipes, says: python: [~/edgespec/bin/python]
set -eu

install=no
[ "${1:-}" = --install ] && install=yes
place="$HOME/edgespec"
missing=no

say() { printf '%-22s %s\n' "$1" "$2"; }

board=/proc/device-tree/model
say board "$([ -r $board ] && tr -d '\0' < $board || echo unknown)"
say system "$(uname -srm)"
[ "$(uname -m)" = aarch64 ] || say system "ONNX Runtime is to be had for 64-bit systems: aarch64 is needed"

if ! command -v python3 > /dev/null; then
  say python3 "absent (apt: python3)"
  missing=yes
else
  say python3 "$(python3 --version 2>&1)"
fi

look() { "$1" -c 'import numpy, onnxruntime; print("numpy", numpy.__version__, "onnxruntime", onnxruntime.__version__)' 2> /dev/null; }

if [ -x "$place/bin/python" ] && look "$place/bin/python" > /dev/null; then
  say "$place" "$(look "$place/bin/python")"
elif command -v python3 > /dev/null && look python3 > /dev/null; then
  say "python3 has" "$(look python3)"
elif [ "$install" = yes ]; then
  python3 -c 'import ensurepip' 2> /dev/null || sudo apt-get install -y python3-venv
  python3 -m venv "$place"
  "$place/bin/python" -m pip install --quiet numpy onnxruntime
  say "$place" "$(look "$place/bin/python")"
else
  say onnxruntime "absent: neither python3 nor $place has numpy and onnxruntime"
  missing=yes
fi
command -v timeout > /dev/null || { say timeout "absent (apt: coreutils)"; missing=yes; }

echo
echo "Clocks. The Pi lowers its clock where it is hot or its supply is weak; nothing here changes it. For a measurement:"
if command -v vcgencmd > /dev/null; then
  echo "  now: $(vcgencmd measure_temp), $(vcgencmd get_throttled) (0x0: never throttled since it was started)"
fi
governor=/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
[ -r "$governor" ] && echo "  now: governor $(cat "$governor")"
echo "  echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor    pins the clock; write the old name back after"
echo "  or: edgespec bench --lock-clocks, which restores it (needs sudo without a password)"
echo "  A fan or a heat sink, and the 27 W supply: without them figures of minutes are figures of heat."

if [ "$missing" = yes ]; then
  echo
  echo "something is missing. sh rpi5.sh --install installs it." >&2
  exit 3
fi
