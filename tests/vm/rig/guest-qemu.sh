# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2054
# The nested guest's QEMU. To be sourced: lib/build-guest saves the state of one on the host, vm/guest goes on with it in
# the VM, and the two must agree in every word.

# guest_machine FOLDER DISK STATE : sets $guest_machine, the words for a guest that boots FOLDER's vmlinux and image, has the
# file DISK as its disk, and keeps its sockets and console in the folder STATE.
guest_machine() {
  local words='console=ttyS0 quiet panic=-1 nokaslr mitigations=off no_timer_check cryptomgr.notests random.trust_cpu=on'
  words+=' tsc=unstable apparmor=0 audit=0 ipv6.disable=1 vt.global_cursor_default=0'
  guest_machine=(-accel tcg -cpu qemu64 -machine "pc,usb=off,smm=off,vmport=off" -m 192
    -nodefaults -no-user-config -display none -vga none
    -device virtio-keyboard-pci,addr=3 -device virtio-tablet-pci,addr=4
    -drive "if=none,id=programs,format=raw,readonly=on,file=$2" -device virtio-blk-pci,drive=programs,addr=5
    -serial "file:$3/serial" -chardev "pipe,id=monitor,path=$3/monitor" -mon chardev=monitor,mode=control
    -kernel "$1/vmlinux" -initrd "$1/image" -append "$words")
}

# A disk is a cpio archive (standard input) in a file of a size that never changes.
guest_disk() { cat > "$1"; truncate -s 64M "$1"; }

# guest_says SERIAL REGEX PID SECONDS : waits until the guest said something; false when it ended or took too long.
guest_says() {
  local deadline=$((SECONDS + $4)) nothing
  until grep -aEqs -- "$2" "$1"; do
    if [[ ! -d /proc/$3 ]] || ((SECONDS >= deadline)); then return 1; fi
    # A pause without a process: under TCG in TCG each one is dear.
    read -r -t 0.4 nothing <> <(:) || true
  done
}
