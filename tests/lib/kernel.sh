# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034
# Which kernel to boot, and where its pieces lie in the cache. To be sourced after common.sh.

kernel_default=6.1

# kernel_series VERSION : 6.1.0-56-amd64 → 6.1
kernel_series() { [[ $1 =~ ^([0-9]+\.[0-9]+) ]] && printf '%s\n' "${BASH_REMATCH[1]}"; }

# Versions of Debian's kernels, newest first; neither the cloud's nor the real-time ones.
kernel_versions() { grep -Ex '[0-9]+\.[0-9]+\.[0-9][^ ]*-amd64' | grep -Ev -- '-(cloud|rt)-amd64$' | sort -rV; }

# Those whose headers and source are installed, then those fetched before, then those apt offers.
kernel_candidates() {
  local version
  find /usr/src -maxdepth 1 -name 'linux-headers-*' -printf '%f\n' | sed 's/^linux-headers-//' | kernel_versions |
    while read -r version; do [[ ! -e $(kernel_source / "$version") ]] || printf '%s\n' "$version"; done
  [[ ! -d $cache/development ]] || find "$cache/development" -maxdepth 1 -type d -printf '%f\n' | kernel_versions
  apt-cache pkgnames linux-headers- 2> /dev/null | sed 's/^linux-headers-//' | kernel_versions
}

# kernel_choose WANTED : the first of these whose name begins with WANTED.
kernel_choose() {
  local wanted=$1 version
  while read -r version; do
    [[ $version != "$wanted" && $version != "$wanted"[!0-9]* ]] || { printf '%s\n' "$version"; return; }
  done < <(kernel_candidates)
  note "no kernel $wanted: apt offers no package linux-headers-$wanted*-amd64, nor is one installed; perhaps apt-get update helps"
  return 1
}

# kernel_development VERSION : folder under which usr/src has the kernel's headers and source, / where they are installed.
kernel_development() {
  local version=$1
  if [[ -e $(kernel_headers / "$version") && -e $(kernel_source / "$version") ]]; then echo /; return; fi
  cached "development/$version" "$project/tests/lib/fetch-development" "$version"
}

kernel_headers() { printf '%s/usr/src/linux-headers-%s\n' "${1%/}" "$2"; }
kernel_source() { printf '%s/usr/src/linux-source-%s.tar.xz\n' "${1%/}" "$(kernel_series "$2")"; }

# kernel_files VERSION : folder with vmlinuz and lib/modules/VERSION.
kernel_files() {
  cached "kernel/$1-$(hash_of "$project/tests/lib/fetch-kernel")" "$project/tests/lib/fetch-kernel" "$1"
}

# kernel_modules VERSION : folder with the modules Debian does not ship and, where it builds, our own test vGPU.
kernel_modules() {
  local version=$1 development headers source vgpu=$project/tests/vgpu recipe samples
  development=$(kernel_development "$version") || return 1
  headers=$(kernel_headers "$development" "$version")
  source=$(kernel_source "$development" "$version")
  recipe=$({ hash_of "$project"/tests/lib/{build-samples,vkms.patch}; stat -c '%s %Y' "$source"; } | sha256sum | cut -c 1-16)
  samples=$(cached "samples/$version-$recipe" "$project/tests/lib/build-samples" "$headers" "$source") || return 1
  if [[ ! -e $vgpu/Makefile && ! -e $vgpu/Kbuild ]]; then printf '%s\n' "$samples"; return; fi
  recipe=$recipe-$(hash_of "$project/tests/lib/build-vgpu" "$vgpu")
  cached "modules/$version-$recipe" "$project/tests/lib/build-vgpu" "$headers" "$samples" "$vgpu" && return
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
