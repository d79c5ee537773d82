# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# What every script of the tests needs: messages and the cache folder. To be sourced.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${SCANTHRU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/scanthru}
readonly project cache

note() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { local code=$1; shift; note "$*"; exit "$code"; }

# hash_of FILE… : one hash over the project's files and their contents; a folder counts with every file in it.
hash_of() {
  (cd "$project" && realpath -z --relative-to=. "$@" | xargs -0 -I {} find {} -type f -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum | cut -c 1-16)
}

# cached NAME COMMAND ARG… : runs "COMMAND ARG… FOLDER" unless $cache/NAME is there, and prints that path.
# The folder appears whole or not at all, whoever else builds it at the same time.
cached() {
  local target=$cache/$1 log lock partial; shift
  if [[ ! -d $target ]]; then
    mkdir -p "${target%/*}"
    log=$target.log
    exec {lock}> "$target.lock"
    flock "$lock"
    if [[ ! -d $target ]]; then
      note "building ${target#"$cache"/} (log: $log)"
      partial=$(mktemp -d "$target.XXXXXX")
      if "$@" "$partial" > "$log" 2>&1 {lock}>&-; then
        chmod 755 "$partial"
        mv -T "$partial" "$target"
      else
        rm -rf "$partial"
        tail -n 20 "$log" >&2
        note "could not build $target with ${1##*/}; the whole log is $log"
        return 1
      fi
    fi
    exec {lock}>&-
  fi
  printf '%s\n' "$target"
}
