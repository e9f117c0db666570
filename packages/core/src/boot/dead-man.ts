/**
 * The dead-man switch: what ends a machine when nobody is left to end it.
 *
 * It travels inside RunInstances, so there is no moment at which a machine exists without it. It waits on a FIFO,
 * which costs nothing while a benchmark runs. Its limits are counted from its own start by the machine's uptime, and
 * by the wall clock: nothing that is written to the FIFO moves those two.
 *
 * Never run the script outside a machine: its last resort is the kernel's own power-off.
 */

export interface DeadManLimits {
  /** From boot to the first contact, in milliseconds. */
  readonly graceMs: number
  /** From boot to the end, whatever happens, in milliseconds. */
  readonly ttlMs: number
  /** The end by the wall clock, which also holds across reboots; epoch milliseconds. */
  readonly deadline: number
}

/** Where the machine listens for its controller. */
const fifo = '/run/benchaway/beat'

/**
 * A shell line that tells the switch about the first contact. It fails when nothing listens: without a reader a
 * non-blocking open is refused.
 */
export const firstContact: string = tell('b')

/** A shell line that ends the machine without AWS, for when credentials have expired. */
export const endNow: string = tell('end')

function tell(word: string): string {
  return `printf '${word}\\n' | dd of=${fifo} oflag=nonblock conv=notrunc status=none`
}

/** The text of a cloud-boothook: cloud-init runs it at every boot, before sshd listens. */
export function deadManBoothook(limits: DeadManLimits): string {
  return `#cloud-boothook
#!/bin/bash
set -eu
install -d -m 0711 /run/benchaway
umask 077
cat >/run/benchaway/dead-man <<'EOS'
#!/bin/bash
fifo=${fifo}
[ -p $fifo ] || mkfifo -m 0666 $fifo
exec 3<>$fifo
uptime() { read -r up _ </proc/uptime; up=\${up%.*}; }
uptime
# Kept in files, or a restart of this script would wait for a first contact that has long been. A reboot forgets them
# and leaves only the deadline, which is why there is one.
[ -s /run/benchaway/booted ] || echo $up >/run/benchaway/booted
read -r booted </run/benchaway/booted
grace=$((booted + ${seconds(limits.graceMs)})) why='nobody came'
[ ! -e /run/benchaway/met ] || grace=0
while :; do
  uptime; printf -v now '%(%s)T' -1
  left=$((booted + ${seconds(limits.ttlMs)} - up)) reason='time is up'
  ((${Math.ceil(limits.deadline / 1000)} - now < left)) && left=$((${Math.ceil(limits.deadline / 1000)} - now))
  ((grace && grace - up < left)) && left=$((grace - up)) reason=$why
  ((left < 1)) && break
  line=; read -r -n 64 -t $left -u 3 line || continue
  case $line in
  b) grace=0; : >/run/benchaway/met ;;
  end) reason=released; break ;;
  esac
done
echo "benchaway: $reason, powering off" >/dev/console 2>/dev/null || :
# A graceful power-off waits for jobs that hang, such as the user's own boot scripts; -ff asks nobody.
timeout -s KILL 5 systemctl poweroff -ff || timeout -s KILL 5 poweroff -ff
echo o >/proc/sysrq-trigger
EOS
# Debian mounts /run noexec, so bash reads the script; it could not be started by its name.
if [ -d /run/systemd/system ]; then
  cat >/run/systemd/system/benchaway-dead-man.service <<'EOS'
[Unit]
Description=Ends this machine when nobody is left to end it
DefaultDependencies=no
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/bash /run/benchaway/dead-man
Restart=always
RestartSec=1
OOMScoreAdjust=-1000
Nice=-20
CPUSchedulingPolicy=rr
CPUSchedulingPriority=1
KillMode=process
EOS
  systemctl daemon-reload
  systemctl start --no-block benchaway-dead-man.service
else
  setsid bash /run/benchaway/dead-man </dev/null >/dev/null 2>&1 &
fi
`
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
