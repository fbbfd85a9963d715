"""Recorded files of machines that are not here: a Jetson, a Raspberry Pi, a workstation with RAPL."""

from __future__ import annotations

GPU = "sys/class/devfreq/17000000.gpu"
JETSON = {
    "etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n",
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/meminfo": "MemTotal: 7800000 kB\nMemAvailable: 5000000 kB\n",
    "var/lib/nvpmodel/status": "pmode:0001 fmode:fanNull",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1510400",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "schedutil",
    f"{GPU}/cur_freq": "624750000",
    "sys/class/devfreq/15340000.vic/cur_freq": "115200000",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "48218",
    "sys/class/thermal/thermal_zone0/trip_point_0_type": "active",
    "sys/class/thermal/thermal_zone0/trip_point_0_temp": "40000",
    "sys/class/thermal/thermal_zone0/trip_point_1_type": "passive",
    "sys/class/thermal/thermal_zone0/trip_point_1_temp": "99000",
    "sys/class/thermal/thermal_zone1/type": "gpu-thermal",
    "sys/class/thermal/thermal_zone1/temp": "-256000",
    "sys/class/hwmon/hwmon0/name": "tmp102",
    "sys/class/hwmon/hwmon1/name": "ina3221",
    "sys/class/hwmon/hwmon1/in1_label": "VDD_IN",
    "sys/class/hwmon/hwmon1/in1_input": "5024",
    "sys/class/hwmon/hwmon1/curr1_input": "1004",
    "sys/class/hwmon/hwmon1/in2_label": "VDD_CPU_GPU_CV",
    "sys/class/hwmon/hwmon1/in2_input": "5016",
    "sys/class/hwmon/hwmon1/curr2_input": "256",
    "sys/class/hwmon/hwmon1/in7_label": "sum of shunt voltages",
}
PI = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2400000",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
    "sys/class/thermal/thermal_zone0/temp": "51000",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0",
}
RAPL = {
    "proc/cpuinfo": "model name\t: Intel(R) Core(TM) i5\ncpu MHz\t\t: 2100.000\n",
    "sys/class/powercap/intel-rapl:0/name": "package-0",
    "sys/class/powercap/intel-rapl:0/energy_uj": "1000000",
    "sys/class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850",
    "sys/class/powercap/intel-rapl:0:0/name": "core",
    "sys/class/powercap/intel-rapl:0:0/energy_uj": "5",
}
