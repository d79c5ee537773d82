# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034
# Which kernel to boot, and where its pieces lie in the cache. To be sourced after common.sh.

kernel_default=6.1

# kernel_series VERSION : 6.1.0-56-amd64 → 6.1
kernel_series() { [[ $1 =~ ^([0-9]+\.[0-9]+) ]] && printf '%s\n' "${BASH_REMATCH[1]}"; }

kernel_headers() { printf '/usr/src/linux-headers-%s\n' "$1"; }
kernel_source() { printf '/usr/src/linux-source-%s.tar.xz\n' "$(kernel_series "$1")"; }

# kernel_choose WANTED : the newest version whose name begins with WANTED and whose headers and source are installed.
kernel_choose() {
  local wanted=$1 version
  while read -r version; do
    [[ $version == "$wanted" || $version == "$wanted"[!0-9]* ]] || continue
    [[ -e $(kernel_source "$version") ]] && { printf '%s\n' "$version"; return; }
  done < <(find /usr/src -maxdepth 1 -name 'linux-headers-*-amd64' ! -name '*-cloud-amd64' ! -name '*-rt-amd64' \
    -printf '%f\n' | sed 's/^linux-headers-//' | sort -rV)
  note "no kernel $wanted: looked for /usr/src/linux-headers-$wanted*-amd64 and the linux-source package of its series;" \
    "tests/lib/packages installs those of $kernel_default, tests/lib/packages --optional those of 6.12"
  return 1
}

# kernel_files VERSION : folder with vmlinuz and lib/modules/VERSION.
kernel_files() {
  cached "kernel/$1-$(hash_of "$project/tests/lib/fetch-kernel")" "$project/tests/lib/fetch-kernel" "$1"
}

# kernel_modules VERSION : folder with the modules Debian does not ship and, where it builds, our own test vGPU.
kernel_modules() {
  local version=$1 source vgpu=$project/tests/vgpu recipe samples
  source=$(kernel_source "$version")
  recipe=$({ hash_of "$project/tests/lib/build-samples"; stat -c '%s %Y' "$source"; } | sha256sum | cut -c 1-16)
  samples=$(cached "samples/$version-$recipe" "$project/tests/lib/build-samples" "$version" "$source") || return 1
  if [[ ! -e $vgpu/Makefile && ! -e $vgpu/Kbuild ]]; then printf '%s\n' "$samples"; return; fi
  recipe=$recipe-$(hash_of "$project/tests/lib/build-vgpu" "$vgpu")
  cached "modules/$version-$recipe" "$project/tests/lib/build-vgpu" "$version" "$samples" "$vgpu" && return
  note "going on without scanthru_vgpu.ko"
  printf '%s\n' "$samples"
}

# initramfs VERSION KERNEL INIT MODULE… : folder with "image", a cpio archive of busybox, INIT and the modules, and with
# the kernel "vmlinux".
initramfs() {
  local version=$1 init=$3
  cached "initramfs/$version-${init##*/}-$({ hash_of "$project/tests/lib/build-initramfs" "$init"; echo "$2" "${@:4}"; } |
    sha256sum | cut -c 1-16)" "$project/tests/lib/build-initramfs" "$@"
}

# guest_files VERSION KERNEL : folder with what tests/vm/guest starts in the VM.
guest_files() {
  local image
  image=$(initramfs "$1" "$2" "$project/tests/vm/rig/guest-init" virtio_pci virtio_blk virtio_input evdev bochs) || return 1
  cached "guest/${image##*/}-$(hash_of "$project"/tests/{lib/build-guest,vm/rig/guest-qemu.sh})" \
    "$project/tests/lib/build-guest" "$image"
}

# host_tsc_khz : the TSC's frequency, for a VM under multi-thread TCG; false where the host itself does not trust its TSC.
host_tsc_khz() {
  local folder
  [[ $(< /sys/devices/system/clocksource/clocksource0/current_clocksource) == tsc ]] || return 1
  folder=$(cached "tsc/$(tr -d - < /proc/sys/kernel/random/boot_id)-$(hash_of "$project"/tests/lib/{measure-tsc,tsc-khz.c})" \
    "$project/tests/lib/measure-tsc") || return 1
  cat "$folder/khz"
}
