# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Finds the kernel's complaints in its log. To be sourced.

# Anchored behind the time stamp: the plain words stand in harmless boot lines as well.
stamp='^\[ *[0-9]+\.[0-9]+\] (\[[^]]*\] )?'
report_start="$stamp"'(WARNING: |BUG: |BUG [^ :]+ \(|kernel BUG at |watchdog: BUG|general protection|UBSAN: '
report_start+='|INFO: task .* blocked for more than|INFO: possible |list_add |list_del |refcount_t: )'
report_more="$stamp"'(Oops|invalid opcode|divide error|stack segment|double fault|Kernel panic|KASAN)'
report_end='---\[ end trace'
cut_here='\[ cut here \]'

# kernel_log_reports LOG [EXPECTED] : true when every report in LOG has a line that matches the extended regular expression
# EXPECTED and, if one is given, some line of LOG does. Prints what is wrong. A report runs from its first line to its
# "end trace", or to the next report.
kernel_log_reports() {
  local log=$1 expected=${2:-} line report='' headed='' failed=0
  if [[ $expected ]] && ! grep -Eq -- "$expected" "$log"; then
    note "nothing in the kernel log matches the expected '$expected'"
    failed=1
  fi
  grep -Eq "$report_start|$report_more" "$log" || return "$failed"
  finish() {
    [[ $report ]] || return 0
    if [[ -z $expected || ! $report =~ $expected ]]; then
      note "unexpected report in the kernel log:"
      printf '%s' "$report" | head -n 40 | sed 's/^/  | /' >&2
      failed=1
    fi
    report='' headed=''
  }
  while IFS= read -r line; do
    if [[ $line =~ $cut_here ]]; then
      finish
      report=$line$'\n'
      continue
    elif [[ $line =~ $report_start ]]; then
      # "cut here" comes before the head of its own report.
      [[ $report && ! $headed && $report =~ $cut_here ]] || finish
      headed=1 report+=$line$'\n'
    elif [[ $line =~ $report_more ]]; then
      headed=1 report+=$line$'\n'
    elif [[ $report ]]; then
      report+=$line$'\n'
    fi
    [[ $line =~ $report_end ]] && finish
  done < "$log"
  finish
  return "$failed"
}
