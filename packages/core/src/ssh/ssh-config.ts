/** Text for OpenSSH's own client, which then reaches a machine and proves its host key as we do. */
import { BenchawayError } from '../errors.ts'
import { quote } from './command.ts'
import type { SshTarget } from './connection.ts'

/** A machine as the user's own ssh is to know it. */
export interface SshHost {
  /** What it is called there, such as its id. */
  readonly name: string
  readonly target: SshTarget
  /** Name of the one that it is reached through; `target.host` is as that one sees it. @default none */
  readonly via?: string | undefined
}

/** Where the files are that a config speaks of. */
interface SshConfigFiles {
  readonly config: string
  readonly knownHosts: string
  key(name: string): string
}

/** A line for `known_hosts`, without a line end, under the name of the machine and where this computer reaches it. */
export function knownHost({ name, target, via }: SshHost): string {
  const { host, port } = target
  const address = port === 22 ? host : `[${host}]:${port}`
  // Behind another machine the same address may be somebody else's elsewhere.
  const names = via === undefined ? `${name},${address}` : name
  return `${names} ssh-ed25519 ${Buffer.from(target.hostKey).toString('base64')}`
}

/**
 * A `Host` block for each machine, for `ssh -F` or for an `Include` at the top of a `~/.ssh/config`.
 *
 * @throws {BenchawayError} `OPTION_INVALID` for names and paths that would not mean themselves in that file
 */
export function sshConfig(hosts: readonly SshHost[], files: SshConfigFiles): string {
  const names = new Set<string>()
  const blocks = hosts.map((host) => {
    if (names.has(host.name)) throw invalid(`two machines are called ${host.name}`)
    names.add(host.name)
    return block(host, files)
  })
  const stranger = hosts.find(({ via }) => via !== undefined && !names.has(via))
  if (stranger) {
    throw invalid(`${stranger.name} is reached through ${stranger.via}, which is not in the config`)
  }
  return blocks.join('\n')
}

function block({ name, target, via }: SshHost, files: SshConfigFiles): string {
  for (const word of [name, target.host, target.user]) {
    // Anything else could be a pattern, an option or the next line.
    if (!/^\w[\w.:-]*$/.test(word)) throw invalid(`'${word}' cannot be written into an ssh config`)
  }
  const lines = [
    `HostName ${target.host}`,
    `Port ${target.port}`,
    `User ${target.user}`,
    `IdentityFile ${file(files.key(name))}`,
    'IdentitiesOnly yes',
    'IdentityAgent none',
    'ForwardAgent no',
    `HostKeyAlias ${name}`,
    'HostKeyAlgorithms ssh-ed25519',
    `UserKnownHostsFile ${file(files.knownHosts)}`,
    'GlobalKnownHostsFile /dev/null',
    'StrictHostKeyChecking yes',
    'UpdateHostKeys no',
    // What a `Host *` of the user's may say must not decide who is believed.
    'ControlPath none',
    'NoHostAuthenticationForLocalhost no',
    'IgnoreUnknown KnownHostsCommand',
    'KnownHostsCommand none',
  ]
  if (via !== undefined) {
    // ProxyJump would pass the path of the config on without quotes.
    const config = quote(files.config).replaceAll('%', '%%')
    lines.push(`ProxyCommand ssh -F ${config} -W '[%h]:%p' ${via}`)
  }
  return [`Host ${name}`, ...lines.map((line) => `  ${line}`), ''].join('\n')
}

function file(path: string): string {
  if (/["\\\n\r]|\$\{/.test(path))
    throw invalid(`the path ${path} cannot be written into an ssh config`)
  return `"${path.replaceAll('%', '%%')}"`
}

function invalid(what: string): BenchawayError {
  return new BenchawayError('OPTION_INVALID', what, {
    hint: 'Use names of letters, digits, `.`, `_` and `-`, each once, and a folder without quotes and backslashes.',
  })
}
