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
  /** From the first boot to the first contact, in milliseconds. */
  readonly graceMs: number
  /** From each boot to the end, whatever happens, in milliseconds; what holds where the wall clock is wrong. */
  readonly ttlMs: number
  /** The end by the wall clock, which a reboot does not move; epoch milliseconds. */
  readonly deadline: number
}

/** Where the machine listens for its controller. */
const directory = '/run/benchaway'
const fifo = `${directory}/beat`
/**
 * Nobody else may read there: once bash has seen a byte, its `read -t` waits for it without a limit, also when somebody
 * else was faster.
 */
const makeFifo = `[ -p ${fifo} ] || { rm -rf ${fifo}; mkfifo -m 0622 ${fifo}; }`
/** That there was a contact, for after a reboot. It holds the deadline: a disk may become the image of other machines. */
const remembered = '/var/lib/benchaway-met'
const unit = 'benchaway-dead-man.service'

/**
 * A shell line that tells the switch about the first contact. It fails when nothing listens: without a reader a
 * non-blocking open is refused.
 */
export const firstContact: string = tell('b')

/** A shell line that ends the machine without AWS, for when credentials have expired. */
export const endNow: string = tell('e')

/** @param word one byte: of two that wait for it, as when the switch runs twice, either gets all of it */
function tell(word: 'b' | 'e'): string {
  return `[ -p ${fifo} ] && printf ${word} | dd of=${fifo} oflag=nonblock conv=notrunc status=none`
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
[ "$(cat ${remembered} 2>/dev/null)" != ${endOf(limits)} ] || : >${directory}/met
cat >${directory}/dead-man.new <<'EOS' && mv -f ${directory}/dead-man.new ${directory}/dead-man
${deadMan(limits)}EOS
${makeFifo}
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

/** Two of it at once are no worse than one: of those that saw a byte come one has it, and counts on. */
function deadMan(limits: DeadManLimits): string {
  const end = endOf(limits)
  return `#!/bin/bash
LC_ALL=C met=${directory}/met
# As a unit's CPUSchedulingPolicy= it would decide over the start: not everybody is allowed it, not even every root.
chrt -r -p 1 $$ >/dev/null 2>&1
${makeFifo}
# Nobody writes to the second: bash has no other pause that takes neither a process nor a disk.
[ -p ${directory}/pause ] || mkfifo -m 0600 ${directory}/pause
exec 3<>${fifo}
exec 4<>${directory}/pause
# More than 128 is a time-out; a read that fails must not spin.
pause() { read -r -N 1 -t $1 -u 4; (($? > 128)) || sleep $1; }
uptime() { read -r up _ </proc/uptime; up=\${up%.*}; }
uptime
# Kept in files, or a restart of this script would wait for a first contact that has long been, and count anew. A reboot
# does count anew, which is why there is a deadline.
[ -s ${directory}/booted ] || echo $up >${directory}/booted
read -r booted <${directory}/booted
[[ $booted =~ ^[1-9][0-9]{0,9}$ ]] || booted=0
grace=$((booted + ${seconds(limits.graceMs)})) why='nobody came'
while :; do
  uptime; printf -v now '%(%s)T' -1
  [ ! -e $met ] || grace=0
  left=$((booted + ${seconds(limits.ttlMs)} - up)) reason='time is up'
  ((${end} - now < left)) && left=$((${end} - now))
  ((grace && grace - up < left)) && left=$((grace - up)) reason=$why
  ((left < 1)) && break
  word=; read -r -N 1 -t $left -u 3 word || { (($? > 128)) || pause 1; continue; }
  case $word in
  b)
    # What is on a disk is not waited for.
    : >$met; ((grace)) && { grace=0; echo ${end} >${remembered} & } ;;
  e) reason=released; break ;;
  esac
done
# Where no process can be made bash ends, after a while.
trap 'echo o >/proc/sysrq-trigger' EXIT
# From here on nothing is waited for that could hang: a console that takes nothing, as after Ctrl-S, or a dead disk, from
# which no program starts.
echo "benchaway: $reason, powering off" >/dev/console 2>/dev/null &
for ((i = 0; i < 20; i++)); do kill -0 $! 2>/dev/null || break; pause 0.05; done
while :; do
  # A graceful power-off waits for jobs that hang, such as the user's own boot scripts; -ff asks nobody, but syncs.
  systemctl poweroff -ff & pause 5
  poweroff -ff & pause 5
  echo o >/proc/sysrq-trigger; pause 5
done
`
}

function endOf({ deadline }: DeadManLimits): number {
  return Math.ceil(deadline / 1000)
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
