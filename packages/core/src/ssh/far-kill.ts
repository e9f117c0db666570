/**
 * Ends a command on the machine with everything that it has started. sshd's own way, a signal in the command's
 * channel, reaches one process group, none of root's login, and none behind sudo.
 */
import { quote } from './command.ts'
import type { Connection } from './connection.ts'
import { sudoFor } from './far-line.ts'
import type { RunOptions } from './run-options.ts'
import { within } from './within.ts'

/** Signals that a server may be stopped with. */
export const stopSignals = ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'KILL'] as const
export type StopSignal = (typeof stopSignals)[number]

/** The session that sshd has made for a command, and all processes that descend from it. */
export interface FarSession {
  /** Its id, which is that of its first process. */
  readonly id: string
  /** When the machine began that process, in its own ticks; only such as lead a session that began then are meant. */
  readonly birth: string | undefined
  readonly sudo: RunOptions['sudo']
}

// bash reads /proc by itself: pkill is not everywhere.
const script = `
exec 2>/dev/null
declare -A sessions ours
name=$1
shift
# Fails for a process that is gone or dead.
look() {
  local stat=
  read -r -d '' stat <"/proc/$1/stat"
  set -- \${stat##*) }
  [[ $1 && $1 != [ZX] ]] || return
  parent=$2 session=$4 birth=\${20}
}
find_new() {
  local id more=1
  local -A parents led
  fresh=()
  for id in /proc/[1-9]*; do
    id=\${id#/proc/}
    look "$id" && parents[$id]=$parent led[$id]=$session
  done
  while ((more)); do
    more=0
    for id in "\${!parents[@]}"; do
      [[ \${ours[$id]} ]] && continue
      [[ \${sessions[\${led[$id]}]} || \${ours[\${parents[$id]}]} ]] || continue
      ours[$id]=1 sessions[\${led[$id]}]=1 fresh+=("$id") more=1
    done
  done
}
for leader; do
  id=\${leader%/*}
  # Another one by that number: the machine has been booted again, or has counted round.
  [[ $leader == */* ]] && look "$id" && [[ $birth != "\${leader#*/}" ]] && continue
  sessions[$id]=1
done
if [[ $name != KILL ]]; then
  find_new
  kill "-$name" "\${!ours[@]}"
  kill -CONT "\${!ours[@]}"
  exit 0
fi
# Who is stopped starts nobody any more.
for ((turn = 0; turn < 100; turn++)); do
  find_new
  ((\${#fresh[@]})) || break
  kill -STOP "\${fresh[@]}"
done
kill -KILL "\${!ours[@]}"
for ((turn = 0; turn < 100; turn++)); do
  left=0
  for id in "\${!ours[@]}"; do look "$id" && left=1 && break; done
  ((left)) || exit 0
  sleep 0.01
done
exit 1
`

const limitMs = 10_000

interface Errand {
  readonly sessions: Set<string>
  readonly sudo: RunOptions['sudo']
  readonly signal: StopSignal
  readonly done: PromiseWithResolvers<void>
}

const errands = new WeakMap<Connection, Map<string, Errand>>()

/**
 * Sends a signal to all processes of a session and their descendants. KILL leaves none, not even one that is being
 * started meanwhile, and resolves when they are gone.
 *
 * @throws {Error} when one is left, or when the machine could not be asked
 */
export function signalSession(
  connection: Connection,
  session: FarSession,
  signal: StopSignal,
): Promise<void> {
  const { id, birth, sudo } = session
  let waiting = errands.get(connection)
  if (waiting === undefined) {
    waiting = new Map()
    errands.set(connection, waiting)
    void work(connection, waiting)
  }
  const key = `${signal} ${sudo ?? false}`
  let errand = waiting.get(key)
  if (errand === undefined) {
    errand = { sessions: new Set(), sudo, signal, done: Promise.withResolvers() }
    waiting.set(key, errand)
  }
  errand.sessions.add(birth === undefined ? id : `${id}/${birth}`)
  return errand.done.promise
}

/** One channel after the other: sshd has few for what is urgent, and so what comes together goes together. */
async function work(connection: Connection, waiting: Map<string, Errand>): Promise<void> {
  await Promise.resolve()
  for (const [key, errand] of waiting) {
    waiting.delete(key)
    // oxlint-disable-next-line no-await-in-loop -- that is the point
    await send(connection, errand).then(errand.done.resolve, errand.done.reject)
  }
  errands.delete(connection)
}

async function send(connection: Connection, errand: Errand): Promise<void> {
  const { sessions, sudo, signal } = errand
  const plain = `bash -c ${quote(script)} benchaway ${signal} ${[...sessions].join(' ')}`
  const { user } = connection.target
  const root = sudoFor(user, sudo !== undefined && sudo !== false)
  const other = sudoFor(user, sudo)
  // Who may be one user only is not let in as root.
  const ways = new Set([root, other, undefined])
  const line = [...ways]
    .map((words) => (words === undefined ? plain : `${words} -- ${plain}`))
    .join(' || ')
  const { channel, exit } = await connection.openChannel(line, {
    urgent: true,
    signal: AbortSignal.timeout(limitMs),
  })
  channel.resume()
  channel.stderr.resume()
  channel.end()
  // A machine that does not answer must not keep the next one waiting.
  const ended = await within(limitMs, [exit])
  if (ended === undefined) channel.close()
  if (ended?.exitCode !== 0) throw new Error('not all of its processes could be ended')
}
