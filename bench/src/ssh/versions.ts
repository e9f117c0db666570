/** What was compared: without that, a figure means nothing. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import os from 'node:os'

const here = createRequire(import.meta.url)
/** As core resolves it: what it ships with is what counts. */
const core = createRequire(here.resolve('@benchaway/core/package.json'))

/** Whether ssh2 loaded its cipher in C++; where it cannot, it says nothing. */
export const isNative: boolean = core('ssh2/lib/protocol/crypto.js').bindingAvailable === true

export const hasRsync: boolean = spawnSync('rsync', ['--version']).status === 0

export function versions(): string[] {
  const cpus = os.cpus()
  const [load = 0] = os.loadavg()
  const rsync = hasRsync
    ? firstLine('rsync', '--version')
        .replace(/ protocol.*| +/g, ' ')
        .trim()
    : 'no rsync'
  const openssh = spawnSync('ssh', ['-V'], { encoding: 'utf8' }).stderr.trim()
  const server = spawnSync('/usr/sbin/sshd', ['-V'], { encoding: 'utf8' }).stderr.split('\n')
  return [
    `${cpus.length} x ${cpus[0]?.model ?? process.arch}, Linux ${os.release()}`,
    `Node ${process.version} with OpenSSL ${process.versions.openssl}; benchaway ${versionOf(core('./package.json'))}`,
    `ssh2 ${versionOf(core('ssh2/package.json'))}, ${isNative ? 'with its native binding' : 'pure JavaScript: its native binding is not loaded'}; node-ssh ${versionOf(here('node-ssh/package.json'))}`,
    `client ${openssh}; server ${server.find((line) => line.startsWith('OpenSSH')) ?? openssh}`,
    `${rsync}; ${firstLine('tar', '--version')}`,
    ...(load > 0.7
      ? [`THIS COMPUTER IS BUSY: on average ${load.toFixed(1)} processes ran in the last minute`]
      : []),
  ]
}

function firstLine(program: string, option: string): string {
  return execFileSync(program, [option], { encoding: 'utf8' }).split('\n')[0] ?? ''
}

function versionOf(manifest: { version: string }): string {
  return manifest.version
}
