import type { BootOrder } from '../fabric/protocol.ts'
import {
  type BootPlan,
  type HostKey,
  type PlannedFile,
  type PlannedUser,
  quote,
} from './boot-plan.ts'

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

/**
 * The same script boots a machine for the first time and again: what cloud-init does once for an instance is
 * marked on its disk when it begins, as cloud-init does, so that a machine that lost its power is not set up twice.
 */
export function bootScript(plan: BootPlan, context: ScriptContext): BootScript {
  const { instanceId, defaultUser, wrongHostKey = false } = context
  const writer = new Writer()
  const { lines } = writer
  lines.push('#!/bin/sh', 'cd /', prelude)
  lines.push(`INSTANCE_ID=${quote(instanceId)}`, 'export INSTANCE_ID')
  for (const note of plan.notes) lines.push(`say ${quote(note)}`)
  lines.push(`mkdir -p ${cloud}s/${instanceId}/scripts ${cloud}s/${instanceId}/sem`)
  lines.push(`ln -sfn instances/${instanceId} ${cloud}`)

  for (const hook of plan.boothooks) {
    const text = Buffer.from(hook.bytes).toString('latin1')
    const bytes = Buffer.from(text.replace(/^#cloud-boothook[^\n]*\n?/, '').trimStart(), 'latin1')
    writer.execute(`boothook '${hook.name}'`, `${cloud}/boothooks/${hook.name}`, bytes)
  }
  if (plan.bootCommands.length > 0) {
    const bytes = new TextEncoder().encode(`${plan.bootCommands.join('\n')}\n`)
    lines.push(`/bin/sh ${writer.payload(bytes)} || say "bootcmd failed with code $?"`)
  }
  writer.once('write_files', () => {
    for (const file of plan.files) if (!file.late) writer.file(file)
  })
  writer.once('users_groups', () => {
    if (!plan.defaultUser) lines.push(`userdel --remove ${quote(defaultUser)} 2>/dev/null`)
    for (const user of plan.users) writer.user(user)
  })
  writer.once('ssh', () => {
    writer.logins(plan, defaultUser)
    writer.hostKeys(plan)
    if (wrongHostKey) writer.foreignHostKey()
  })
  lines.push("systemctl start ssh || say 'sshd did not start'")
  lines.push('start_enabled')
  if (plan.disableMetadata) lines.push('ask metadata-off')

  writer.once('scripts_user', () => {
    for (const script of plan.scripts) {
      writer.execute(`script '${script.name}'`, `${cloud}/scripts/${script.name}`, script.bytes)
    }
  })
  writer.once('write_files_deferred', () => {
    for (const file of plan.files) if (file.late) writer.file(file)
  })
  if (plan.finalMessage !== undefined) lines.push(`say ${quote(plan.finalMessage)}`)
  lines.push(`touch ${cloud}/boot-finished`, "say 'boot finished'", '')
  return { script: lines.join('\n'), payloads: writer.payloads }
}

// A umask of its own for what is secret; everything else sets its mode.
const prelude = `say() { echo "local-ec2: $1"; }
private() { (umask 077; printf '%s\\n' "$2" >"$1"); }
authorize() {
  mkdir -p -m 700 "$2/.ssh"
  private "$2/.ssh/authorized_keys" "$3"
  [ "$1" = root ] || chown "$1:" "$2/.ssh" "$2/.ssh/authorized_keys"
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

  execute(what: string, path: string, bytes: Uint8Array): void {
    const { lines } = this
    if (bytes[0] !== 0x23 || bytes[1] !== 0x21) {
      // A shell would run it all the same; the kernel, which cloud-init asks, does not.
      lines.push(`say ${quote(`${what} is not applied: it does not start with #!`)}`)
      return
    }
    lines.push(`install -D -m 700 ${this.payload(bytes)} ${quote(path)}`)
    lines.push(`${quote(path)} || say "${what} failed with code $?"`)
  }

  file({ path, bytes, mode, owner, append }: PlannedFile): void {
    const { lines } = this
    const [from, to] = [this.payload(bytes), quote(path)]
    lines.push(`mkdir -p "$(dirname ${to})"`, `cat ${from} ${append ? '>>' : '>'}${to} &&`)
    lines.push(`  chmod ${mode} ${to}${owner === '' ? '' : ` && chown ${owner} ${to}`} ||`)
    lines.push(`  say ${quote(`file '${path}' was not written`)}`)
  }

  user({ name, shell, home, groups, sudo, keys }: PlannedUser): void {
    const { lines } = this
    const [who, where] = [quote(name), quote(home)]
    for (const group of groups.split(',').filter(Boolean)) lines.push(`groupadd -f ${quote(group)}`)
    const more = groups === '' ? '' : ` -G ${quote(groups)}`
    lines.push(`useradd -m -d ${where} -s ${quote(shell)} -p '*'${more} ${who}`)
    for (const line of sudo) {
      lines.push(`echo ${quote(`${name} ${line}`)} >>/etc/sudoers.d/90-cloud-init-users`)
    }
    if (keys.length > 0) lines.push(`authorize ${who} ${where} ${quote(keys.join('\n'))}`)
  }

  logins({ authorizedKeys, disableRoot, defaultUser: exists }: BootPlan, user: string): void {
    if (authorizedKeys.length === 0) return
    const { lines } = this
    if (exists) {
      lines.push(
        `authorize ${quote(user)} ${quote(`/home/${user}`)} ${quote(authorizedKeys.join('\n'))}`,
      )
    }
    const refusal = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \\"${user}\\" rather than the user \\"root\\".';echo;sleep 10;exit 142" `
    const rootKeys = authorizedKeys.map((key) => (disableRoot ? refusal : '') + key)
    lines.push(`authorize root /root ${quote(rootKeys.join('\n'))}`)
  }

  hostKeys({ deleteHostKeys, hostKeys, generateHostKeys }: BootPlan): void {
    const { lines } = this
    if (deleteHostKeys) {
      lines.push(`for key in /etc/ssh/ssh_host_*key*; do [ ! -e "$key" ] || rm -f "$key"; done`)
    }
    for (const key of hostKeys) this.#hostKey(hostKeyFile(key.type), key)
    // Given keys are all the keys there are.
    if (hostKeys.length > 0) return
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
    lines.push(`private ${path} ${quote(key.private.trimEnd())}`)
    lines.push(
      key.public === ''
        ? `ssh-keygen -y -f ${path} >${path}.pub`
        : `printf '%s\\n' ${quote(key.public.trimEnd())} >${path}.pub`,
    )
    if (key.certificate === '') return
    lines.push(`printf '%s\\n' ${quote(key.certificate.trimEnd())} >${path}-cert.pub`)
    lines.push(`echo 'HostCertificate ${path}-cert.pub' >>/etc/ssh/sshd_config`)
  }
}
