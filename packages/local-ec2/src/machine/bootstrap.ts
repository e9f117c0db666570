/**
 * Making a Debian with mmdebstrap, as root of this user's own namespaces: its files belong to the user and his subordinate
 * ids, and whatever ends the builder ends all that runs in them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'

import { LocalEc2Error } from '../errors.ts'
import { aptNetwork } from './apt-network.ts'
import type { Release } from './apt-sources.ts'
import { namespaceHint, programDirectories } from './probe.ts'

/** All that decides what is made. */
export interface Recipe extends Release {
  options: readonly string[]
}

/** What the disk has to hold at the busiest moment, as measured, and a little more. */
const neededMb = 600

export function recipeOf(release: Release, packages: readonly string[]): Recipe {
  const options = [
    '--mode=root',
    '--variant=minbase',
    '--format=directory',
    ...(packages.length > 0 ? [`--include=${packages.join(',')}`] : []),
    // All of it is written to the disk at the end, so nobody has to wait for that before.
    '--dpkgopt=force-unsafe-io',
    `--setup-hook=${leaveOut}`,
    `--customize-hook=${tidy(release.archive)}`,
  ]
  return { ...release, options }
}

// What people read is not read in a machine. In a file: for --dpkgopt mmdebstrap has a filter that takes ten seconds.
const leaveOut = `mkdir -p "$1/etc/dpkg/dpkg.cfg.d"
for name in doc man info locale; do echo "path-exclude=/usr/share/$name/*"; done >"$1/etc/dpkg/dpkg.cfg.d/unread"`

/** An image has no host keys, and nothing of the computer that made it. */
const tidy = (archive: readonly string[]): string => `cd "$1" || exit
rm -rf etc/ssh/ssh_host_* etc/hostname etc/resolv.conf etc/dpkg/dpkg.cfg.d/unread etc/dpkg/dpkg.cfg.d/99mmdebstrap \\
  etc/apt/apt.conf.d/99mmdebstrap etc/apt/sources.list.d/* usr/share/doc/* usr/share/man/* usr/share/info/* usr/share/locale/*
printf '%s\\n' ${archive.map((line) => `'${line}'`).join(' ')} >etc/apt/sources.list`

/**
 * Makes the directory `finished`. Where another process is doing that, it waits for it instead.
 *
 * @param signal ends it; what is half made is removed before the promise rejects with its reason
 * @throws {LocalEc2Error} `ROOTFS_FAILED`
 */
export async function bootstrap(
  finished: string,
  { codename, lines, options }: Recipe,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted()
  needSpace(dirname(finished), codename)
  const begin = performance.now()
  const child = spawn('sh', ['-c', keeper, 'sh', maker, finished, codename, ...options], {
    // Its own session: Ctrl-C in a terminal is the endpoint's to answer, and this hears when that ends.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: '/',
    env: {
      // Package scripts of whole distributions run in it: they get what apt needs, and none of our caller's secrets.
      ...proxies(),
      PATH: programDirectories.join(':'),
      LC_ALL: 'C.UTF-8',
      // Either may hold a password, so neither is an argument, which anybody could read.
      LOCAL_EC2_SOURCES: lines.join('\n'),
      LOCAL_EC2_APT_CONF: aptNetwork().join('\n'),
    },
  })
  // A side that ends early is told by its exit code.
  child.stdin.on('error', () => {})
  const stop = (): void => void child.stdin.end()
  signal.addEventListener('abort', stop)
  let isOurs = false
  child.stdout.once('data', () => {
    isOurs = true
    say(`building Debian ${codename} in ${finished}: once, about a minute`)
  })
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told = (told + text).slice(-16_384)
  })
  const code = await ended(child)
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  if (code !== 0) throw failure(finished, codename, told || String(code))
  if (isOurs) say(`${codename} is built, after ${Math.round((performance.now() - begin) / 1000)} s`)
}

/**
 * Outside the namespaces. Ends when what it started has ended, or when its input does, and removes what is half made in
 * both cases; whoever kills it leaves that to the next builder, who knows by the lock whether this one is alive.
 */
const keeper = `exec 3<&0 </dev/null
umask 022
maker=$1 finished=$2
shift 2
half=$(mktemp -u "$finished.XXXXXXXXXX")
inside='unshare --user --map-root-user --map-auto'
setpriv --pdeathsig KILL $inside --mount --pid --mount-proc --fork --kill-child -- \\
  flock "$finished.lock" sh -c "$maker" sh "$finished" "$half" "$@" 3<&- &
build=$!
# Nobody may be left to read what this says, and that would end it.
exec >/dev/null 2>&1
{ read -r _; kill -KILL $build; } <&3 &
listener=$!
wait $build
code=$?
kill -KILL $listener
# What was killed may take a moment to be gone; what cannot be removed is left to the next builder.
tries=0
while [ -e "$half" ] && ! $inside -- rm -rf -- "$half" && [ $((tries += 1)) -lt 50 ]; do sleep 0.1; done
# Where unshare fails, what it has forked to write its map waits for ever.
trap '' TERM
kill -TERM 0
exit $code`

/** Inside, and the only one that does this for this Debian: the lock is free when nothing of its holder lives. */
const maker = `finished=$1 half=$2 codename=$3
shift 3
[ ! -d "$finished" ] || exit 0
echo building
mkdir "$half" && mkdir "$half/root" "$half/tmp" || exit
(umask 077 && printenv LOCAL_EC2_SOURCES >"$half/sources" && printenv LOCAL_EC2_APT_CONF >"$half/apt.conf") || exit
export TMPDIR="$half/tmp"
mmdebstrap "$@" --aptopt="$half/apt.conf" "$codename" "$half/root" "$half/sources" &&
  # Or after a power failure files would be empty that a name says are whole.
  sync -f "$half/root" &&
  mv -T "$half/root" "$finished"`

function proxies(): NodeJS.ProcessEnv {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTPS_PROXY', 'NO_PROXY']
  return Object.fromEntries(
    names.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])),
  )
}

function needSpace(directory: string, codename: string): void {
  const { bavail, bsize } = statfsSync(directory)
  const free = Math.floor((bavail * bsize) / 2 ** 20)
  if (free >= neededMb) return
  throw new LocalEc2Error(
    'ROOTFS_FAILED',
    `building Debian ${codename} needs ${neededMb} MiB in ${directory}, and ${free} are free`,
    { hint: 'Make room there, or set XDG_CACHE_HOME to a directory that has it.' },
  )
}

/** With apt's own first error in the first line, and the end of what was said below it. */
function failure(finished: string, codename: string, told: string): LocalEc2Error {
  // Mirrors and proxies may have passwords, which no message shall tell.
  const said = told
    .replace(/\/\/[^/@\s]*@/g, '//')
    .split(/[\r\n]+/)
    .filter((line) => line !== '' && !line.startsWith('I: '))
  const first = said.find((line) => line.startsWith('E: '))?.slice(3) ?? said.at(-1) ?? ''
  const hint =
    (/^unshare: /m.test(told) ? namespaceHint(told) : undefined) ??
    hints.find(([pattern]) => pattern.test(told))?.[1] ??
    `Look at the package sources in /etc/apt, and whether ${dirname(finished)} may be written.`
  return new LocalEc2Error(
    'ROOTFS_FAILED',
    [`Debian ${codename} could not be built: ${first}`, ...said.slice(-8)].join('\n'),
    { hint },
  )
}

const hints: readonly (readonly [RegExp, string])[] = [
  [
    /No space left on device/,
    `Make room for ${neededMb} MiB, or set XDG_CACHE_HOME to a directory that has it.`,
  ],
  [
    /NO_PUBKEY|EXPKEYSIG|is not signed|keyring.*(?:ignored|exist)/,
    'Run: apt-get install -y debian-archive-keyring, whose keys sign Debian.',
  ],
  [
    /Could not resolve|Temporary failure|Could not connect|Unable to connect|Connection failed|timed out|Failed to fetch/,
    "Check the network, and the package sources and proxies of /etc/apt: they are apt's own.",
  ],
]

function say(what: string): void {
  process.stderr.write(`local-ec2: ${what}\n`)
}

function ended(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'nothing'))
  })
}
