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
const directory = '/run/benchaway'
const fifo = `${directory}/beat`
const unit = 'benchaway-dead-man.service'

/**
 * A shell line that tells the switch about the first contact. It fails when nothing listens: without a reader a
 * non-blocking open is refused.
 */
export const firstContact: string = tell('b')

/** A shell line that ends the machine without AWS, for when credentials have expired. */
export const endNow: string = tell('end')

function tell(word: string): string {
  return `[ -p ${fifo} ] && printf '${word}\\n' | dd of=${fifo} oflag=nonblock conv=notrunc status=none`
}

/**
 * The text of a cloud-boothook: cloud-init runs it at every boot, and waits for it, before sshd listens. It ends when
 * the switch listens.
 */
export function deadManBoothook(limits: DeadManLimits): string {
  return `#cloud-boothook
#!/bin/bash
# Whatever is refused here, the rest is tried.
install -d -m 0711 ${directory}
umask 077
cat >${directory}/dead-man.new <<'EOS' && mv -f ${directory}/dead-man.new ${directory}/dead-man
${deadMan(limits)}EOS
[ -p ${fifo} ] || { rm -rf ${fifo}; mkfifo -m 0666 ${fifo}; }
# Opening it for writing takes until somebody reads.
armed() { [ -p ${fifo} ] && timeout -s KILL 5 bash -c ': >${fifo}'; }
# Debian mounts /run noexec, so bash reads the script; it could not be started by its name.
if [ -d /run/systemd/system ]; then
  cat >/run/systemd/system/${unit} <<'EOS'
[Unit]
Description=Ends this machine when nobody is left to end it
DefaultDependencies=no
StartLimitIntervalSec=0
RefuseManualStop=yes
IgnoreOnIsolate=yes
[Service]
ExecStart=/bin/bash ${directory}/dead-man
Restart=always
RestartSec=1
OOMScoreAdjust=-1000
Nice=-20
KillMode=process
EOS
  timeout -s KILL 5 systemctl start --no-block ${unit}
  armed && exit
fi
setsid bash ${directory}/dead-man </dev/null >/dev/null 2>&1 &
armed
`
}

/** Two of it at once are no worse than one. */
function deadMan({ graceMs, ttlMs, deadline }: DeadManLimits): string {
  const end = Math.ceil(deadline / 1000)
  return `#!/bin/bash
fifo=${fifo} met=${directory}/met
# As a unit's CPUSchedulingPolicy= it would decide over the start: not everybody is allowed it, not even every root.
chrt -r -p 1 $$ >/dev/null 2>&1
[ -p $fifo ] || { rm -rf $fifo; mkfifo -m 0666 $fifo; }
exec 3<>$fifo
uptime() { read -r up _ </proc/uptime; up=\${up%.*}; }
uptime
# Kept in files, or a restart of this script would wait for a first contact that has long been. A reboot forgets them
# and leaves only the deadline, which is why there is one.
[ -s ${directory}/booted ] || echo $up >${directory}/booted
read -r booted <${directory}/booted
[[ $booted =~ ^[1-9][0-9]{0,9}$ ]] || booted=0
grace=$((booted + ${seconds(graceMs)})) why='nobody came'
while :; do
  uptime; printf -v now '%(%s)T' -1
  [ ! -e $met ] || grace=0
  left=$((booted + ${seconds(ttlMs)} - up)) reason='time is up'
  ((${end} - now < left)) && left=$((${end} - now))
  ((grace && grace - up < left)) && left=$((grace - up)) reason=$why
  ((left < 1)) && break
  # More than 128 is a time-out; a read that fails must not spin.
  line=; read -r -n 64 -t $left -u 3 line || { (($? > 128)) || sleep 1; continue; }
  case $line in
  b) grace=0; : >$met ;;
  end) reason=released; break ;;
  esac
done
# A console that takes nothing, as after Ctrl-S, must not hold this up.
timeout -s KILL 1 bash -c 'echo "benchaway: $0, powering off" >/dev/console' "$reason" 2>/dev/null
while :; do
  # A graceful power-off waits for jobs that hang, such as the user's own boot scripts; -ff asks nobody, but syncs. On a
  # dead disk that hangs where no signal reaches it, so none of these is waited for.
  systemctl poweroff -ff & sleep 5
  poweroff -ff & sleep 5
  echo o >/proc/sysrq-trigger; sleep 5
done
`
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
