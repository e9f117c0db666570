import type { BootOrder } from '../fabric/protocol.ts'
import type { BootPlan, HostKey, PlannedGroup } from './boot-plan.ts'
import type { PlannedFile } from './planned-files.ts'
import type { PlannedUser } from './planned-users.ts'
import type { Part } from './user-data.ts'
import { bytesOf, quote } from './values.ts'

/** The script by which a machine boots, and the files it finds in `/run/local-ec2/payload`. */
export type BootScript = Pick<BootOrder, 'script' | 'payloads'>

export interface ScriptContext {
  /** `i-…`, which hooks find in their environment. */
  instanceId: string
  defaultUser: string
  /** On purpose, sshd gets a key of nobody's choice. */
  wrongHostKey?: boolean
}

const hostKeyFile = (type: string): string => `/etc/ssh/ssh_host_${type}_key`

const payloadDirectory = '/run/local-ec2/payload'
const cloud = '/var/lib/cloud/instance'
const ofCloud = '/var/lib/cloud/scripts'

/**
 * The same script boots a machine for the first time and again: what cloud-init does once for an instance is
 * marked on its disk when it begins, as cloud-init does, so that a machine that lost its power is not set up twice.
 */
export function bootScript(plan: BootPlan, context: ScriptContext): BootScript {
  const { instanceId, defaultUser, wrongHostKey = false } = context
  const writer = new Writer()
  const { lines } = writer
  lines.push('#!/bin/sh', 'cd /', prelude)
  lines.push(`instance=${quote(instanceId)}`)
  for (const note of plan.notes) lines.push(`say ${quote(note)}`)
  lines.push(`mkdir -p ${cloud}s/${instanceId}/scripts ${cloud}s/${instanceId}/sem`)
  lines.push(`mkdir -p ${ofCloud}/per-boot ${ofCloud}/per-instance ${ofCloud}/per-once`)
  lines.push(`ln -sfn instances/${instanceId} ${cloud}`)

  for (const hook of plan.boothooks) {
    writer.execute(`boothook '${hook.name}'`, `${cloud}/boothooks/${hook.name}`, hook, asHook)
  }
  if (plan.bootCommands.length > 0) {
    const commands = writer.payload(bytesOf(`${plan.bootCommands.join('\n')}\n`))
    lines.push(`${asHook}/bin/sh ${commands} || say "bootcmd failed with code $?"`)
  }
  writer.once('write_files', () => writer.files(plan.files.filter(({ late }) => !late)))
  writer.once('users_groups', () => writer.accounts(plan, defaultUser))
  writer.once('ssh', () => {
    writer.logins(plan, defaultUser)
    writer.hostKeys(plan)
    if (wrongHostKey) writer.foreignHostKey()
  })
  lines.push("systemctl start ssh || say 'sshd did not start'")
  lines.push('start_enabled')
  if (plan.disableMetadata) lines.push('ask metadata-off')
  const { timezone } = plan
  if (timezone !== undefined) writer.once('timezone', () => lines.push(`zone ${quote(timezone)}`))

  writer.once('write_files_deferred', () => writer.files(plan.files.filter(({ late }) => late)))
  const { perOnce, perBoot, perInstance, user } = plan.scripts
  writer.once('scripts_per_once', () => writer.scripts(`${ofCloud}/per-once`, perOnce))
  writer.scripts(`${ofCloud}/per-boot`, perBoot)
  writer.once('scripts_per_instance', () => writer.scripts(`${ofCloud}/per-instance`, perInstance))
  writer.once('scripts_user', () => writer.scripts(`${cloud}/scripts`, user))
  if (plan.finalMessage !== undefined) lines.push(`say ${quote(plan.finalMessage)}`)
  lines.push(`touch ${cloud}/boot-finished`, "say 'boot finished'", '')
  return { script: lines.join('\n'), payloads: writer.payloads }
}

/** Scripts do not know it. */
const asHook = 'INSTANCE_ID=$instance '

// The environment is a systemd service's, which has no HOME: on EC2 scripts fail that count on it.
// A umask of its own for what is secret; everything else sets its mode.
const prelude = `unset HOME OLDPWD
export LANG=C.UTF-8
say() { printf 'local-ec2: %s\\n' "$1"; }
put() {
  mkdir -p "\${2%/*}/" && if [ "$5" = append ]; then cat "$1" >>"$2"; else cat "$1" >"$2"; fi &&
    chmod "$3" "$2" && { [ -z "$4" ] || chown "$4" "$2"; } && return
  say "file '$2' and those after it are not written"
  return 1
}
group() { getent group "$1" >/dev/null || groupadd "$1"; }
account() {
  name=$1
  shift
  getent passwd "$name" >/dev/null || useradd "$@" "$name" && return
  say "user '$name' and those after it are not made"
  return 1
}
authorize() {
  getent passwd "$1" >/dev/null || return
  home=$(getent passwd "$1" | cut -d: -f6)
  file=$home/.ssh/authorized_keys
  mkdir -p -m 700 "$home/.ssh"
  [ -e "$file" ] || (umask 077; : >"$file")
  chown "$1:" "$home/.ssh" "$file"
  [ -n "$2" ] || return 0
  # Keys that are there already may now have other options.
  rest=$(grep -vF -e "$2" "$file")
  printf '%s\\n' \${rest:+"$rest"} "$3" >"$file"
}
# As if it had never been made, with what it may do.
forget() {
  userdel --remove "$1" 2>/dev/null
  sed -i "/^$1 /d" /etc/sudoers.d/90-cloud-init-users
  [ -s /etc/sudoers.d/90-cloud-init-users ] || rm -f /etc/sudoers.d/90-cloud-init-users
}
sudoers() {
  file=/etc/sudoers.d/90-cloud-init-users
  [ -e $file ] || (umask 337; echo '# Created by local-ec2' >$file)
  printf '\\n# User rules for %s\\n%s\\n' "$1" "$2" >>$file
}
zone() {
  if [ ! -f "/usr/share/zoneinfo/$1" ]; then say "timezone '$1' is not known"; return; fi
  echo "$1" >/etc/timezone
  ln -sfn "/usr/share/zoneinfo/$1" /etc/localtime
}
once() {
  [ ! -e ${cloud}/sem/config_$1 ] || return 1
  touch ${cloud}/sem/config_$1
}
ask() {
  echo "$1" >/run/local-ec2/ask
  read -r _ </run/local-ec2/answer
}
start_enabled() {
  for unit in /etc/systemd/system/multi-user.target.wants/*.service; do
    [ ! -e "$unit" ] || systemctl start --no-block "\${unit##*/}"
  done
}`

class Writer {
  readonly lines: string[] = []
  readonly payloads: Uint8Array[] = []

  /** Where the machine finds `bytes`. */
  payload(bytes: Uint8Array): string {
    return `${payloadDirectory}/${this.payloads.push(bytes) - 1}`
  }

  /** What `write` adds is done at the first boot only, under the name of cloud-init's module for it. */
  once(module: string, write: () => void): void {
    const { lines } = this
    const before = lines.length
    write()
    if (lines.length === before) return
    lines.splice(before, 0, `if once ${module}; then`)
    lines.push('fi')
  }

  execute(what: string, path: string, { bytes }: Part, environment = ''): void {
    const { lines } = this
    lines.push(`install -D -m 700 ${this.payload(bytes)} ${quote(path)}`)
    // A shell would run it all the same; the kernel, which cloud-init asks, does not.
    if (bytes[0] === 0x23 && bytes[1] === 0x21) {
      lines.push(`${environment}${quote(path)} || say "${what} failed with code $?"`)
    } else {
      lines.push(`say ${quote(`${what} is not applied: it does not start with #!`)}`)
    }
  }

  scripts(directory: string, scripts: readonly Part[]): void {
    for (const script of scripts) {
      this.execute(`script '${script.name}'`, `${directory}/${script.name}`, script)
    }
  }

  /** All of them up to one that fails, as cloud-init's modules do it. */
  #untilOneFails(name: string, commands: readonly string[], otherwise = ':'): void {
    if (commands.length === 0) return
    this.lines.push(`${name}() {`, ...commands, '}', `${name} || ${otherwise}`)
  }

  files(files: readonly PlannedFile[]): void {
    const commands = files.map(({ path, bytes, mode, owner, append }) => {
      const to = [path, mode, owner].map(quote).join(' ')
      return `put ${this.payload(bytes)} ${to} ${append ? 'append' : 'new'} || return`
    })
    this.#untilOneFails('write_files', commands)
  }

  accounts({ defaultUser, groups, users, isCut }: BootPlan, name: string): void {
    const { lines } = this
    const forget = `forget ${quote(name)}`
    if (!defaultUser) lines.push(forget)
    for (const group of groups) this.#group(group)
    this.#untilOneFails(
      'make_users',
      users.flatMap((user) => this.#user(user)).concat(isCut ? 'return 1' : []),
      defaultUser ? forget : undefined,
    )
  }

  #group({ name, members }: PlannedGroup): void {
    this.lines.push(`group ${quote(name)}`)
    for (const member of members) {
      this.lines.push(
        `! id -u ${quote(member)} >/dev/null 2>&1 || usermod -aG ${quote(name)} ${quote(member)}`,
      )
    }
  }

  #user(user: PlannedUser): string[] {
    const { name, options, groups, password, isHashed, isLocked, sudo, keys } = user
    const who = quote(name)
    const commands = groups.map((group) => `group ${quote(group)}`)
    commands.push(`account ${[name, ...options].map(quote).join(' ')} || return`)
    if (password !== undefined) {
      const secret = this.payload(bytesOf(`${name}:${password}\n`))
      commands.push(`chpasswd ${isHashed ? '-e ' : ''}<${secret} || return`)
    }
    if (isLocked) commands.push(`passwd -lq ${who} || return`)
    if (sudo.length > 0) {
      commands.push(`sudoers ${who} ${quote(sudo.map((line) => `${name} ${line}`).join('\n'))}`)
    }
    if (keys !== undefined) commands.push(`authorize ${argumentsOf(name, keys)}`)
    return commands
  }

  logins({ authorizedKeys, rootOptions, defaultUser: exists }: BootPlan, user: string): void {
    const ofUser = exists ? `authorize ${argumentsOf(user, authorizedKeys)} && ` : ''
    const options = rootOptions
      .replaceAll('$USER', exists ? user : 'NONE')
      .replaceAll('$DISABLE_USER', 'root')
    this.lines.push(`${ofUser}authorize ${argumentsOf('root', authorizedKeys, options)}`)
  }

  hostKeys({ deleteHostKeys, hostKeys, generateHostKeys }: BootPlan): void {
    const { lines } = this
    if (deleteHostKeys) {
      lines.push(`for key in /etc/ssh/ssh_host_*key*; do [ ! -e "$key" ] || rm -f "$key"; done`)
    }
    for (const key of hostKeys) this.#hostKey(hostKeyFile(key.type), key)
    for (const type of generateHostKeys) {
      lines.push(
        `[ -e ${hostKeyFile(type)} ] || ssh-keygen -q -t ${type} -N '' -f ${hostKeyFile(type)}`,
      )
    }
  }

  foreignHostKey(): void {
    const path = hostKeyFile('ed25519')
    this.lines.push('rm -f /etc/ssh/ssh_host_*', `ssh-keygen -q -t ed25519 -N '' -f ${path}`)
  }

  #hostKey(path: string, key: HostKey): void {
    const { lines } = this
    // As it was given: sshd does not take a private key whose last line has no end.
    const write = (to: string, text: string, mode: string): void => {
      lines.push(`put ${this.payload(bytesOf(text))} ${to} ${mode} '' new`)
    }
    if (key.private !== undefined) write(path, key.private, '600')
    if (key.public !== undefined) write(`${path}.pub`, key.public, '644')
    else if (key.private !== undefined) {
      lines.push(`public=$(ssh-keygen -yf ${path}) && echo "$public" root@localhost >${path}.pub`)
    }
    if (key.certificate === undefined) return
    write(`${path}-cert.pub`, key.certificate, '644')
    const config = '/etc/ssh/sshd_config.d/50-cloud-init.conf'
    lines.push(
      `mkdir -p /etc/ssh/sshd_config.d && (umask 077; echo 'HostCertificate ${path}-cert.pub' >>${config})`,
    )
  }
}

const keyLine = /^(.*\s)?((?:ssh|ecdsa|sk)-\S+)\s+(\S+)(?:\s+(.*))?$/

/** The arguments of `authorize`. What is no key is left out; options of ours stand for those that it has. */
function argumentsOf(account: string, keys: readonly string[], options = ''): string {
  const found = keys.flatMap((key) => {
    const [, own = '', type = '', key64 = '', comment = ''] = keyLine.exec(key.trim()) ?? []
    const words = [options || own.trim(), type, key64, comment].filter(Boolean)
    return type === '' || /[\n\r\0#]/.test(own + key64) ? [] : [{ key64, line: words.join(' ') }]
  })
  const lines = [...new Set(found.map(({ line }) => line))].join('\n')
  const all = [...new Set(found.map(({ key64 }) => key64))].join('\n')
  return [account, all, lines].map(quote).join(' ')
}
