/**
 * What a machine does when it boots, read from its user-data.
 *
 * A part of what cloud-init knows. What else the user-data asks for becomes a note for the console.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/reference/modules.html
 */
import { words } from '../words.ts'
import { mergedConfig } from './cloud-config.ts'
import { type PlannedFile, planFile } from './planned-files.ts'
import { type Accounts, planUsers } from './planned-users.ts'
import type { Part, UserData } from './user-data.ts'
import { type Config, bytesOf, isConfig, isTrue, pythonText, quote } from './values.ts'

export interface HostKey {
  /** `ed25519`, `ecdsa`, `rsa` */
  type: string
  private: string | undefined
  /** Made from the private key when it is not given. */
  public: string | undefined
  certificate: string | undefined
}

/** A group and who shall be in it, as far as they exist when it is made. */
export interface PlannedGroup {
  name: string
  members: string[]
}

/** In the order in which cloud-init does it. */
export interface BootPlan extends Accounts {
  boothooks: Part[]
  bootCommands: string[]
  files: PlannedFile[]
  groups: PlannedGroup[]
  authorizedKeys: string[]
  /** What stands before each of them for root; `$USER` is the default user. */
  rootOptions: string
  deleteHostKeys: boolean
  hostKeys: HostKey[]
  /** Made when no host key is given. */
  generateHostKeys: string[]
  timezone: string | undefined
  /** Whether nothing inside shall reach the metadata service any more once sshd runs; at every boot. */
  disableMetadata: boolean
  /** In order of their names; `runcmd` is one of those of the user. */
  scripts: Record<'perOnce' | 'perBoot' | 'perInstance' | 'user', Part[]>
  hostname: string | undefined
  finalMessage: string | undefined
  notes: string[]
}

/** @param publicKeys of the launch's key pairs, which cloud-init finds in the metadata */
export function planBoot({ parts, notes }: UserData, publicKeys: readonly string[] = []): BootPlan {
  const { config, notes: more } = mergedConfig(parts.filter(({ kind }) => kind === 'cloud-config'))
  const reader = new Reader([...notes, ...more])
  const scripts = parts.filter(({ kind }) => kind === 'script')
  const runCommands = reader.commands(config, 'runcmd')
  if (runCommands !== undefined) {
    const bytes = bytesOf(`#!/bin/sh\n${runCommands.map((line) => `${line}\n`).join('')}`)
    scripts.push({ kind: 'script', name: 'runcmd', bytes })
  }
  const accounts = planUsers(config, (text) => reader.note(text))
  for (const key of Object.keys(config)) {
    if (!honoured.has(key)) reader.note(`cloud-config key '${key}' is not applied`)
  }
  const named = (kind: Part['kind']): Part[] => inOrder(parts.filter((part) => part.kind === kind))
  return {
    boothooks: parts.filter((part) => part.kind === 'boothook'),
    bootCommands: reader.commands(config, 'bootcmd') ?? [],
    files: reader.files(config),
    ...accounts,
    groups: reader.groups(config),
    authorizedKeys: [
      ...(isTrue(config, 'allow_public_ssh_keys', true) ? publicKeys : []),
      ...reader.strings(config, 'ssh_authorized_keys'),
    ],
    rootOptions: isTrue(config, 'disable_root', true)
      ? (reader.string(config, 'disable_root_opts') ?? refusal)
      : '',
    deleteHostKeys: config['ssh_deletekeys'] !== false,
    hostKeys: reader.hostKeys(config),
    generateHostKeys: 'ssh_keys' in config ? [] : reader.keyTypes(config),
    timezone: reader.timezone(config),
    disableMetadata: isTrue(config, 'disable_ec2_metadata', false),
    scripts: {
      perOnce: named('script-per-once'),
      perBoot: named('script-per-boot'),
      perInstance: named('script-per-instance'),
      user: inOrder(scripts),
    },
    hostname: reader.hostname(config),
    finalMessage: reader.string(config, 'final_message'),
    notes: reader.notes,
  }
}

const refusal = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \\"$USER\\" rather than the user \\"$DISABLE_USER\\".';echo;sleep 10;exit 142"`

/** As they lie in a directory: of two of one name the second is left. */
function inOrder(parts: readonly Part[]): Part[] {
  const files = new Map(parts.map((part) => [part.name, part]))
  return [...files.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

const honoured = new Set([
  ...words(`
    bootcmd runcmd write_files users groups disable_root disable_root_opts ssh_authorized_keys ssh_deletekeys
    ssh_keys ssh_genkeytypes hostname fqdn preserve_hostname prefer_fqdn_over_hostname timezone final_message
    disable_ec2_metadata allow_public_ssh_keys
  `),
  // Nothing to do for it: nothing is printed.
  'ssh_quiet_keygen',
])

/** Reads values of unknown shape; what has the wrong one is noted and left out. */
class Reader {
  readonly notes: string[]

  constructor(notes: string[]) {
    this.notes = notes
  }

  note(text: string): void {
    if (this.notes.length < 100) this.notes.push(text)
  }

  string(config: Config, key: string): string | undefined {
    const value = config[key]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'string') return value
    this.note(`cloud-config key '${key}' is not applied: not a text`)
    return undefined
  }

  strings(config: Config, key: string): string[] {
    const value = config[key]
    if (value === undefined || value === null) return []
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    this.note(`cloud-config key '${key}' is not applied: not a list of texts`)
    return []
  }

  /** Lines of shell: a text is one as it is, a list is a command and its arguments. All of them, or none. */
  commands(config: Config, key: string): string[] | undefined {
    const value = config[key]
    if (value === undefined) return undefined
    if (!Array.isArray(value)) {
      this.note(`cloud-config key '${key}' is not applied: not a list`)
      return undefined
    }
    const lines: string[] = []
    for (const item of value as unknown[]) {
      if (typeof item === 'string') lines.push(item)
      else if (Array.isArray(item))
        lines.push(item.map((word) => quote(pythonText(word))).join(' '))
      else if (item !== null) {
        // Such as `- echo a: b`, which YAML takes for a mapping.
        this.note(`cloud-config key '${key}' is not applied: an entry is neither a text nor a list`)
        return undefined
      }
    }
    return lines
  }

  files(config: Config): PlannedFile[] {
    const files: PlannedFile[] = []
    const broken = new Set<boolean>()
    for (const entry of this.#list(config, 'write_files')) {
      const isLate = isTrue(entry, 'defer', false)
      if (broken.has(isLate)) continue
      try {
        const file = planFile(entry, (text) => this.note(text))
        if (file !== undefined) files.push(file)
      } catch (error) {
        const reason = error instanceof Error ? error.message : ''
        const path = JSON.stringify(entry['path'])
        this.note(`file ${path} of write_files and those after it are not written: ${reason}`)
        broken.add(isLate)
      }
    }
    return files
  }

  /** A list of names, and of mappings of a name to members. */
  groups(config: Config): PlannedGroup[] {
    const value = config['groups']
    if (value === undefined) return []
    const list: unknown[] = typeof value === 'string' ? value.split(',') : [value].flat()
    const groups = list.flatMap((entry): PlannedGroup[] => {
      if (typeof entry === 'string') return [{ name: entry.trim(), members: [] }]
      if (!isConfig(entry)) return [{ name: '', members: [] }]
      return Object.entries(entry).map(([name, given]) => {
        const members: unknown[] = [given ?? []].flat()
        return { name, members: members.map((member) => pythonText(member)) }
      })
    })
    if (groups.every(({ name, members }) => [name, ...members].every(isWord))) return groups
    this.note("cloud-config key 'groups' is not applied: not a list of names")
    return []
  }

  hostKeys(config: Config): HostKey[] {
    const keys = config['ssh_keys']
    if (keys === undefined || keys === null) return []
    if (!isConfig(keys)) {
      this.note("cloud-config key 'ssh_keys' is not applied: not a mapping")
      return []
    }
    for (const key of Object.keys(keys)) {
      if (!/^(rsa|ecdsa|ed25519)_(private|public|certificate)$/.test(key)) {
        this.note(`'${key}' of ssh_keys is not applied`)
      }
    }
    return ['rsa', 'ecdsa', 'ed25519'].map((type) => ({
      type,
      private: this.string(keys, `${type}_private`),
      public: this.string(keys, `${type}_public`),
      certificate: this.string(keys, `${type}_certificate`),
    }))
  }

  keyTypes(config: Config): string[] {
    // cloud-init makes three; the two slow ones are for clients that no longer exist.
    if (config['ssh_genkeytypes'] === undefined) return ['ed25519']
    return this.strings(config, 'ssh_genkeytypes').filter((type) =>
      /^(rsa|ecdsa|ed25519)$/.test(type),
    )
  }

  timezone(config: Config): string | undefined {
    const name = this.string(config, 'timezone')
    if (name === undefined || /^\w[\w+-]*(\/[\w+-]+)*$/.test(name)) return name
    this.note("cloud-config key 'timezone' is not applied: not a name")
    return undefined
  }

  hostname(config: Config): string | undefined {
    if (isTrue(config, 'preserve_hostname', false)) return undefined
    const given = this.string(config, 'hostname')
    const fqdn = this.string(config, 'fqdn') ?? (given?.includes('.') ? given : undefined)
    const isLong = isTrue(config, 'prefer_fqdn_over_hostname', false) && fqdn !== undefined
    const short = this.string(config, 'fqdn') === undefined ? given?.split('.')[0] : given
    const name = isLong ? fqdn : (short ?? fqdn?.split('.')[0])
    if (name === undefined || /^[a-zA-Z0-9][a-zA-Z0-9.-]{0,62}$/.test(name)) return name
    this.note("cloud-config key 'hostname' is not applied: not a host name")
    return undefined
  }

  #list(config: Config, key: string): Config[] {
    const value = config[key]
    if (value === undefined || value === null) return []
    if (Array.isArray(value) && value.every(isConfig)) return value
    this.note(`cloud-config key '${key}' is not applied: not a list of mappings`)
    return []
  }
}

const isWord = (text: string): boolean => /^[^\s:,\0-][^\s:,\0]*$/.test(text)
