# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034,SC2054
# The VM as a QEMU process. To be sourced by tests/vm/run, whose variables it uses.

# unknown_nmi_panic: a host that finds its VM hanging sends an NMI, and the kernel then says where it stood.
# drm.vblankoffdelay=0: vkms would restart its vblank phase after 5 s of idleness. tsc=…: the kernel would measure the
# TSC's frequency, wrongly on a busy host, or read the slow HPET instead.
common_words='console=ttyS0 quiet panic=-1 drm.vblankoffdelay=0 nokaslr mitigations=off no_timer_check unknown_nmi_panic'
common_words+=' random.trust_cpu=on log_buf_len=4M watchdog_thresh=30 audit=0 apparmor=0 cryptomgr.notests fstab=no'
common_words+=' systemd.gpt_auto=no'

# erms, fsrm: "rep movsb" goes byte by byte under TCG. la57: one level less to walk.
tcg_cpu='max,la57=off,erms=off,fsrm=off'

# A short boot tells whether KVM works here; the answer holds until the next boot of this machine.
kvm_works() {
  [[ -r /dev/kvm && -w /dev/kvm ]] || return 1
  local answer
  answer=$cache/kvm-$(tr -d - < /proc/sys/kernel/random/boot_id)-$version
  if [[ ! -e $answer ]]; then
    if timeout -k 1 20 qemu-system-x86_64 -accel kvm -cpu host -m 256 -nodefaults -no-user-config -display none -no-reboot \
      -serial stdio -kernel "$initrd/vmlinux" -initrd "$initrd/image" -append "$common_words scanthru.probe" \
      < /dev/null 2> /dev/null | grep -aq 'probe: alive'; then echo yes; else echo no; fi > "$answer.$$"
    mv "$answer.$$" "$answer"
  fi
  [[ $(< "$answer") == yes ]]
}

choose_accelerator() {
  if [[ $virtual_time ]]; then
    # One instruction is 1 ns, idle time is skipped: a task that waits for the host may seem to have hung for minutes.
    accelerator=(-accel tcg -icount 'shift=0,sleep=off' -smp 1 -cpu "$tcg_cpu")
    common_words+=' tsc=reliable tsc_early_khz=1000000 sysctl.kernel.hung_task_timeout_secs=0'
  elif kvm_works; then
    accelerator=(-accel kvm -smp 2 -cpu host)
  else
    accelerator=(-accel tcg,thread=multi -smp 2 -cpu "$tcg_cpu")
    local khz
    if khz=$(host_tsc_khz); then common_words+=" tsc=reliable tsc_early_khz=$khz"; else common_words+=' tsc=unstable'; fi
  fi
}

shared_folder() {  # TAG PATH OPTIONS : as 9p device
  printf '%s\n' -fsdev "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap$3" \
    -device "virtio-9p-pci,fsdev=$1,mount_tag=$1"
}

start_qemu() {
  local devices=() i words="$common_words"
  mapfile -t devices < <(
    shared_folder host / ,readonly=on
    shared_folder run "$run" ''
    for i in "${!writable[@]}"; do shared_folder "share$i" "${writable[i]}" ''; done
  )
  # Its window is a VNC server with a port into the VM, where a test can be the person who draws it larger.
  [[ $display == vkms ]] || devices+=(-device "virtio-gpu-pci,id=display,max_outputs=$outputs" -vnc "unix:$run/vnc"
    -chardev "socket,id=window,path=$run/vnc,reconnect=1" -device virtserialport,chardev=window,name=vnc)
  # QEMU connects the first output only; the kernel can be told to take the others for connected.
  for ((i = 2; i <= outputs; i++)); do words+=" video=Virtual-$i:e"; done
  # Without an expected report nothing is gained by living on after an Oops.
  [[ $expect ]] || words+=' oops=panic'

  # The VM reaches its own monitor through a port that is a client of the second QMP socket.
  setpriv --pdeathsig KILL qemu-system-x86_64 -name scanthru-vm "${accelerator[@]}" -machine q35,sata=off,smbus=off,usb=off -m "$memory" \
    -nodefaults -no-user-config -display none -vga none -no-reboot -serial "file:$run/console.log" \
    -device virtio-keyboard-pci -device virtio-tablet-pci -device virtio-mouse-pci \
    -qmp "unix:$run/qmp,server=on,wait=off" \
    -chardev "socket,id=inside,path=$run/qmp-inside,server=on,wait=off" -mon chardev=inside,mode=control \
    -device virtio-serial-pci -chardev "socket,id=port,path=$run/qmp-inside" \
    -device virtserialport,chardev=port,name=qmp \
    -chardev "pipe,id=monitor,path=$run/monitor" -mon chardev=monitor,mode=readline \
    "${devices[@]}" -kernel "$initrd/vmlinux" -initrd "$initrd/image" -append "$words $append" \
    < /dev/null > "$run/qemu.log" 2>&1 &
  qemu=$!
}

# Waits until QEMU ends, or the time is nearly over; then the kernel is made to say where it stands before QEMU goes.
wait_for_qemu() {
  local grace=$((limit >= 30 ? 6 : limit / 5)) left ended
  timed_out=''
  left=$((limit - grace - (SECONDS - started)))
  sleep "$((left > 0 ? left : 0))" & timer=$!
  wait -n -p ended "$qemu" "$timer" || true
  if [[ $ended == "$timer" ]]; then
    timer=''
    timed_out=1
    ask_for_last_words "$grace"
    kill -KILL "$qemu" 2> /dev/null || true
  fi
  wait "$qemu" 2> /dev/null || true
  qemu=''
}

ask_for_last_words() {
  # shellcheck disable=SC2016
  timeout 1 bash -c 'echo nmi > "$0"' "$run/monitor.in" || true
  timeout "$1" tail -s 0.1 --pid="$qemu" -f /dev/null || true
}
