#!/bin/sh
# systemctl, poweroff, halt, reboot and shutdown of a light machine, which has no systemd.
#
# What cloud user-data does with systemd, and no more: services that start, stop, restart, are watched and start
# again at the next boot, power-off, reboot and halt. Anything else fails and says so. A unit's commands are run by a shell, so they may not
# hold a bare ; | & < or >.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
self=/usr/lib/local-ec2/systemctl
state=/run/local-ec2/units
wanted=/etc/systemd/system/multi-user.target.wants

fail() { echo "local-ec2: $1" >&2; exit "$2"; }

must_be_root() { [ "$(id -u)" = 0 ] || fail "$name: must be root" 1; }

# --- power -------------------------------------------------------------------------------------------------

# What process 1 takes for it.
signal_of() {
  case $1 in
  reboot) echo INT ;;
  halt) echo USR2 ;;
  *) echo PWR ;;
  esac
}

end_with() {
  must_be_root
  if [ -n "$force" ]; then kill -s "$(signal_of "$1")" 1
  else setsid "$self" --shut-down "$1" </dev/null >/dev/console 2>&1 & fi
  exit 0
}

# First the services, all at once, and then the machine.
shut_down() {
  for each in "$state"/*.is; do
    unit=${each##*/} unit=${unit%.is}
    is
    case $seen in active | activating) find_unit "$unit" && (stop) & esac
  done
  wait
  kill -s "$(signal_of "$1")" 1
}

# poweroff, halt and reboot are one program: each has options that make it one of the others.
end_by_name() {
  how=$1
  shift
  for word; do
    case $word in
    -p | --poweroff) how=poweroff ;;
    --halt) how=halt ;;
    --reboot) how=reboot ;;
    -f | --force) force=1 ;;
    esac
  done
  end_with "$how"
}

# There is one at most.
forget_shutdown() {
  [ ! -e /run/local-ec2/shutdown ] || kill "$(cat /run/local-ec2/shutdown)" 2>/dev/null
  rm -f /run/local-ec2/shutdown
}

shutdown_at() {
  must_be_root
  when=+1 how=poweroff
  for word; do
    case $word in
    -c) forget_shutdown; exit 0 ;;
    -r | --reboot) how=reboot ;;
    -H | --halt) how=halt ;;
    -*) ;;
    *) when=$word; break ;;
    esac
  done
  case $when in
  now | +0) end_with "$how" ;;
  +*[!0-9]* | + | [!+]*) fail "shutdown: time '$when' is not supported, only now and +MINUTES" 1 ;;
  esac
  forget_shutdown
  { sleep $((60 * ${when#+})); end_with "$how"; } >/dev/null 2>&1 &
  echo $! >/run/local-ec2/shutdown
}

# --- units -------------------------------------------------------------------------------------------------

find_unit() {
  unit=$1
  case $unit in *.*) ;; *) unit=$unit.service ;; esac
  case $unit in
  */*) fail "$unit: not a unit name" 1 ;;
  *.service) ;;
  *) fail "$unit: only services are supported" 1 ;;
  esac
  for root in /etc /run /usr/local/lib /usr/lib /lib; do
    file=$root/systemd/system/$unit
    [ -f "$file" ] || continue
    # An alias is a symlink: both names are one unit.
    [ ! -L "$file" ] || { file=$(readlink -f "$file"); unit=${file##*/}; }
    return 0
  done
  return 4
}

must_find() { find_unit "$1" || fail "Unit $unit not found." 5; }

newline='
'

load() {
  type=simple restart=no restart_s=0.1 pid_file='' user='' directory='' kill_mode=control-group remain=no
  start='' before='' stop='' reload='' runtime='' runtime_mode=0755 environment='' files='' section='' held=''
  while IFS= read -r line || [ -n "$line" ]; do
    line=$held$line held=''
    case $line in
    *\\) held="${line%?} "; continue ;;
    '['*) section=$line; continue ;;
    '#'* | ';'* | '') continue ;;
    esac
    [ "$section" = '[Service]' ] || continue
    key=${line%%=*} value=${line#*=}
    key=${key%"${key##*[![:space:]]}"} value=${value#"${value%%[![:space:]]*}"}
    case $key in
    ExecStart) start=$value ;;
    ExecStartPre) before=$before$value$newline ;;
    ExecStop) stop=$value ;;
    ExecReload) reload=$reload$value$newline ;;
    Type) type=$value ;;
    Restart) restart=$value ;;
    RestartSec) restart_s=${value%s} ;;
    PIDFile) pid_file=$value ;;
    User) user=$value ;;
    WorkingDirectory) directory=$value ;;
    KillMode) kill_mode=$value ;;
    RemainAfterExit) remain=$value ;;
    RuntimeDirectory) runtime=$value ;;
    RuntimeDirectoryMode) runtime_mode=$value ;;
    Environment) environment="$environment $value" ;;
    EnvironmentFile) files="$files $value" ;;
    esac
  done <"$file"
}

# systemd's prefixes - @ + ! : go; what they ask for is not done, except that a leading - forgives.
bare() {
  bare=$1
  while :; do case $bare in [-@+!:]*) bare=${bare#?} ;; *) return ;; esac; done
}

# Becomes one command of the unit. A session of its own lets stop() reach the children too.
become() {
  [ -z "$directory" ] || { bare "$directory"; cd "$bare" || exit 200; }
  for each in $files; do
    bare "$each"
    [ ! -r "$bare" ] || { set -a; . "$bare"; set +a; }
  done
  eval "set -- \"\$1\" $environment"
  command=$1
  shift
  for pair; do export "${pair?}"; done
  bare "$command"
  case $user in
  '' | root) exec setsid /bin/sh -c "exec $bare" ;;
  *)
    # Not runuser, which would stay as the parent and hide the process that the unit is about.
    USER=$user LOGNAME=$user HOME=$(getent passwd "$user" | cut -d: -f6)
    export USER LOGNAME HOME
    set -- --reuid="$user" --regid="$(id -g "$user")" --init-groups
    exec setsid setpriv "$@" /bin/sh -c "exec $bare"
    ;;
  esac
}

each_must_work() {
  printf %s "$1" | while IFS= read -r each; do
    (become "$each") </dev/null || case $each in -*) ;; *) exit 1 ;; esac
  done
}

is() { read -r seen 2>/dev/null <"$state/$unit.is" || seen=inactive; }

now_is() { echo "$1" >"$state/$unit.is"; }

# Stays for as long as the unit is wanted.
supervise() {
  must_find "$1"
  load
  for each in $runtime; do mkdir -p -m "$runtime_mode" "/run/$each"; done
  while :; do
    [ -z "$before" ] || each_must_work "$before" || { now_is failed; exit 1; }
    (become "$start") </dev/null &
    main=$!
    echo $main >"$state/$unit.pid"
    case $type in oneshot | forking) ;; *) now_is active ;; esac
    wait $main
    code=$?
    case $type:$code:$remain in
    oneshot:0:yes | oneshot:0:true) now_is active; exit 0 ;;
    oneshot:0:*) now_is inactive; exit 0 ;;
    forking:0:*) [ -z "$pid_file" ] || cat "$pid_file" >"$state/$unit.pid"; now_is active; exit 0 ;;
    oneshot:* | forking:*) now_is failed; exit $code ;;
    esac
    case $restart:$code in
    always:* | on-success:0 | on-failure:[!0]*) ;;
    *:0) now_is inactive; exit 0 ;;
    *) now_is failed; exit $code ;;
    esac
    now_is activating
    sleep "$restart_s"
  done
}

start() {
  must_be_root
  is
  case $seen in active | activating) return 0 ;; esac
  load
  [ -n "$start" ] || fail "$unit has no ExecStart=" 1
  mkdir -p "$state"
  now_is activating
  [ -z "$pid_file" ] || rm -f "$pid_file"
  setsid "$self" --supervise "$unit" </dev/null >/dev/console 2>&1 &
  echo $! >"$state/$unit.supervisor"
  [ -z "$no_block" ] || return 0
  # Nothing wakes a shell when a file changes: look often, for as long as systemd would wait.
  tries=0
  while [ $((tries += 1)) -lt 9000 ]; do
    is
    case $seen in
    active) [ -n "$pid_file" ] && [ ! -s "$pid_file" ] || return 0 ;;
    inactive) return 0 ;;
    failed) fail "Job for $unit failed." 1 ;;
    esac
    sleep 0.01
  done
  fail "Job for $unit timed out." 1
}

stop() {
  must_be_root
  load
  read -r main 2>/dev/null <"$state/$unit.pid" || main=''
  # First the one who would start it again.
  read -r supervisor 2>/dev/null <"$state/$unit.supervisor" && kill -KILL "$supervisor" 2>/dev/null
  if [ -n "$main" ]; then
    [ -z "$stop" ] || (export MAINPID="$main"; become "$stop") </dev/null
    case $kill_mode in process | mixed) target=$main ;; *) target=-$main ;; esac
    tries=0 told=''
    while kill -0 "$main" 2>/dev/null; do
      # One that has just been started has no group of its own yet.
      [ -n "$told" ] || ! kill -s TERM -- "$target" 2>/dev/null || told=1
      [ $((tries += 1)) -lt 9000 ] || { kill -s KILL -- "$target" 2>/dev/null; break; }
      sleep 0.01
    done
  fi
  mkdir -p "$state"
  rm -f "$state/$unit.pid" "$state/$unit.supervisor"
  now_is inactive
}

# Started again at every boot.
enable() {
  must_be_root
  mkdir -p "$wanted"
  ln -sf "$file" "$wanted/$unit"
}

disable() {
  must_be_root
  rm -f "$wanted/$unit"
}

reload() {
  must_be_root
  load
  is
  [ "$seen" = active ] || fail "$unit is not active, cannot reload." 1
  [ -n "$reload" ] || fail "Job type reload is not applicable for unit $unit." 1
  MAINPID=$(cat "$state/$unit.pid")
  export MAINPID
  each_must_work "$reload" || fail "Job for $unit failed." 1
}

# --- command line ------------------------------------------------------------------------------------------

name=${0##*/} force=''
case $name in
poweroff | halt | reboot) end_by_name "$name" "$@" ;;
shutdown) shutdown_at "$@"; exit ;;
esac

case $1 in
--supervise) supervise "$2"; exit ;;
--shut-down) shut_down "$2"; exit ;;
esac

verb='' units='' quiet='' no_block='' now=''
for word; do
  case $word in
  --quiet | -q) quiet=1 ;;
  --no-block) no_block=1 ;;
  --now) now=1 ;;
  -f | -ff | --force) force=1 ;;
  --no-pager | --system | --no-ask-password | --no-wall | -l | --full) ;;
  -*) fail "systemctl: option '$word' is not supported here" 1 ;;
  *) if [ -z "$verb" ]; then verb=$word; else units="$units $word"; fi ;;
  esac
done

case $verb in
poweroff | halt | reboot) end_with "$verb" ;;
daemon-reload | daemon-reexec | reset-failed) exit 0 ;;
is-system-running) echo running; exit 0 ;;
esac
[ -n "$units" ] || fail "systemctl: '$verb' is not supported here" 1

result=0
for asked in $units; do
  case $verb in
  start) must_find "$asked"; start ;;
  stop) must_find "$asked"; stop ;;
  restart | reload-or-restart) must_find "$asked"; stop; start ;;
  try-restart | condrestart) must_find "$asked"; is; [ "$seen" != active ] || { stop; start; } ;;
  reload) must_find "$asked"; reload ;;
  enable) must_find "$asked"; enable; [ -z "$now" ] || start ;;
  disable) must_find "$asked"; disable; [ -z "$now" ] || stop ;;
  is-enabled)
    find_unit "$asked"
    if [ -e "$wanted/$unit" ]; then answer=enabled; else answer=disabled result=1; fi
    [ -n "$quiet" ] || echo "$answer"
    ;;
  is-active | is-failed)
    find_unit "$asked"
    is
    [ -n "$quiet" ] || echo "$seen"
    [ "$seen" = "${verb#is-}" ] || result=3
    ;;
  status)
    find_unit "$asked" || fail "Unit $unit could not be found." 4
    is
    echo "$unit: $seen"
    [ "$seen" = active ] || result=3
    ;;
  cat) must_find "$asked"; cat "$file" ;;
  *) fail "systemctl: '$verb' is not supported here" 1 ;;
  esac
done
exit $result
