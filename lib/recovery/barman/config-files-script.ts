/**
 * The functions `barman_value FILE OPTION` and `barman_configs` of sh, as Barman's user: the files of Barman's configuration,
 * one a line, in the order in which Barman reads them. It looks for the first one of three; what `barman config-update` has
 * written is read last.
 */
export const BARMAN_CONFIGS = `
barman_value() {
  v=$(sed -n "s/^[[:space:]]*$2[[:space:]]*[=:][[:space:]]*//p" "$1" | tail -n 1 | tr -d "\\"'" | sed 's/[[:space:]]*$//')
  case $v in '~'/*) v=$HOME/\${v#*/} ;; esac
  printf '%s' "$v"
}
barman_configs() {
  for f in ~/.barman.conf /etc/barman.conf /etc/barman/barman.conf; do
    [ -f "$f" ] || continue
    echo "$f"
    d=$(barman_value "$f" configuration_files_directory)
    if [ -n "$d" ]; then for c in "$d"/*.conf; do [ ! -f "$c" ] || echo "$c"; done; fi
    c=$(barman_value "$f" barman_home)/.barman.auto.conf
    [ ! -f "$c" ] || echo "$c"
    break
  done
}`;
