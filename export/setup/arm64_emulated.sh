#!/bin/sh
# The target arm64_emulated: an aarch64 Python with ONNX Runtime, run by QEMU's user-mode emulator. Nothing of it is installed:
# all is unpacked into EDGESPEC_HOME/arm64 (200 MB; 50 MB of Debian packages and wheels, 90 MB where the emulator is fetched too).
#
#   PYTHON=.venv/bin/python sh arm64_emulated.sh       any Python with pip; its versions of onnxruntime and numpy are taken
#
# Wants a Debian whose apt sources hold arm64 packages, and pip; no root. An emulator that is installed already is used.
set -eu

python=${PYTHON:-python3}
home=${EDGESPEC_HOME:-$HOME/.cache/edgespec}/arm64
part=$home.part
for tool in apt-get dpkg "$python"; do
    command -v "$tool" >/dev/null || { echo "this needs $tool, which is not here" >&2; exit 3; }
done
rm -rf "$part"
mkdir -p "$part/apt/lists/partial" "$part/apt/archives/partial" "$part/system/proc"
part=$(cd "$part" && pwd)

# apt in a state folder of its own: it reads the sources and keys of this machine and leaves the rest of it alone
: >"$part/apt/status"
emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
own=$(dpkg --print-architecture)
private() {
    apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o APT::Sandbox::User= \
        -o APT::Get::List-Cleanup=0 -o Dir::State="$part/apt" -o Dir::State::lists="$part/apt/lists" -o Dir::Cache="$part/apt" \
        -o Dir::State::status="$part/apt/status" -o Debug::NoLocking=1 "$@"
}
unpack() {
    for package in "$part"/apt/archives/*.deb; do
        dpkg -x "$package" "$1"
        rm "$package"
    done
}
architecture=arm64
private update
private install --yes --no-install-recommends --download-only python3 libstdc++6
unpack "$part/system"
if [ -z "$emulator" ]; then
    architecture=$own
    private update
    private install --yes --no-install-recommends --download-only qemu-user-static
    unpack "$part/qemu"
    cp "$part/qemu/usr/bin/qemu-aarch64-static" "$part/emulator"
else
    ln -s "$emulator" "$part/emulator"
fi
rm -rf "$part/apt" "$part/qemu"

# ONNX Runtime reads /proc/cpuinfo: the emulator (before 8.1) would show it the host's, on which it crashes
cat >"$part/system/proc/cpuinfo" <<'CPUINFO'
processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

CPUINFO

version=$(readlink "$part/system/usr/bin/python3")
version=${version#python}
wanted=$("$python" -c 'from importlib.metadata import version as v; print(*(f"{n}=={v(n)}" for n in ("numpy", "onnxruntime")))')
# shellcheck disable=SC2086  # two words
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --target "$part/wheels" \
    --implementation cp --python-version "$version" --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 $wanted
PYTHONHOME=$part/system/usr PYTHONPATH=$part/wheels "$part/emulator" -cpu cortex-a72 -L "$part/system" \
    "$part/system/usr/bin/python3" -c 'import onnxruntime, platform; print("arm64_emulated:", platform.machine(), onnxruntime.__version__)'
rm -rf "$home"
mv "$part" "$home"
