/**
 * What a machine does when it boots, read from its user-data.
 *
 * A part of what cloud-init knows. What else the user-data asks for becomes a note for the console.
 *
 * @see https://cloudinit.readthedocs.io/en/latest/reference/modules.html
 */
import { parse } from 'yaml'

import { words } from '../words.ts'
import type { Part, UserData } from './user-data.ts'

export interface PlannedFile {
  path: string
  bytes: Uint8Array
  /** Octal, such as `0644`. */
  mode: string
  /** `user:group`, or empty for root. */
  owner: string
  append: boolean
  /** After the scripts of the boot, instead of before sshd. */
  late: boolean
}

export interface PlannedUser {
  name: string
  shell: string
  home: string
  groups: string
  /** Lines of sudoers without the name. */
  sudo: string[]
  keys: string[]
}

export interface HostKey {
  /** `ed25519`, `ecdsa`, `rsa` */
  type: string
  private: string
  /** Made from the private key when empty. */
  public: string
  certificate: string
}

/** In the order in which cloud-init does it. */
export interface BootPlan {
  boothooks: Part[]
  bootCommands: string[]
  files: PlannedFile[]
  /** Whether the image's own user exists. */
  defaultUser: boolean
  users: PlannedUser[]
  /** Whether root is told to log in as the default user instead. */
  disableRoot: boolean
  authorizedKeys: string[]
  deleteHostKeys: boolean
  hostKeys: HostKey[]
  /** Made when no host key is given. */
  generateHostKeys: string[]
  /** Whether nothing inside shall reach the metadata service any more once sshd runs; at every boot. */
  disableMetadata: boolean
  /** In order of their names, as `run-parts` does; `runcmd` is one of them. */
  scripts: Part[]
  hostname: string | undefined
  finalMessage: string | undefined
  notes: string[]
}

type Config = Record<string, unknown>

/** @param publicKeys of the launch's key pairs, which cloud-init finds in the metadata */
export function planBoot({ parts, notes }: UserData, publicKeys: readonly string[] = []): BootPlan {
  const reader = new Reader([...notes])
  const config: Config = {}
  for (const part of parts) {
    // cloud-init's default: a later part replaces a key of an earlier one.
    if (part.kind === 'cloud-config') Object.assign(config, reader.config(part))
  }
  const scripts = parts.filter((part) => part.kind === 'script')
  const runCommands = reader.commands(config, 'runcmd')
  if (runCommands.length > 0) {
    scripts.push({
      kind: 'script',
      name: 'runcmd',
      bytes: bytesOf(`#!/bin/sh\n${runCommands.join('\n')}\n`),
    })
  }
  const users = reader.users(config)
  for (const key of Object.keys(config)) {
    if (!honoured.has(key)) reader.note(`cloud-config key '${key}' is not applied`)
  }
  return {
    boothooks: parts.filter((part) => part.kind === 'boothook'),
    bootCommands: reader.commands(config, 'bootcmd'),
    files: reader.files(config),
    ...users,
    disableRoot: config['disable_root'] !== false,
    authorizedKeys: [
      ...(config['allow_public_ssh_keys'] === false ? [] : publicKeys),
      ...reader.strings(config, 'ssh_authorized_keys'),
    ],
    deleteHostKeys: config['ssh_deletekeys'] !== false,
    hostKeys: reader.hostKeys(config),
    generateHostKeys: reader.keyTypes(config),
    disableMetadata: config['disable_ec2_metadata'] === true,
    scripts: scripts.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    hostname: reader.hostname(config),
    finalMessage: reader.string(config, 'final_message'),
    notes: reader.notes,
  }
}

const honoured = new Set([
  ...words(`
    bootcmd runcmd write_files users disable_root ssh_authorized_keys ssh_deletekeys ssh_keys
    ssh_genkeytypes hostname fqdn final_message disable_ec2_metadata allow_public_ssh_keys
  `),
  // Nothing to do for these: nothing is printed, the name is given once.
  ...words('ssh_quiet_keygen preserve_hostname prefer_fqdn_over_hostname'),
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

  config(part: Part): Config {
    try {
      // cloud-init's own parser is of YAML 1.1: `yes` is true there and 0644 is octal.
      const value: unknown = parse(new TextDecoder().decode(part.bytes), {
        version: '1.1',
        logLevel: 'silent',
      })
      if (value === null) return {}
      if (isConfig(value)) return value
      this.note(`cloud-config '${part.name}' is not applied: it is not a mapping`)
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : ''
      this.note(`cloud-config '${part.name}' is not applied: ${reason}`)
    }
    return {}
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
    const list = Array.isArray(value) ? value : [value]
    if (list.every((item) => typeof item === 'string')) return list
    this.note(`cloud-config key '${key}' is not applied: not a list of texts`)
    return []
  }

  /** Lines of shell: a text is one as it is, a list is a command and its arguments. */
  commands(config: Config, key: string): string[] {
    const value = config[key]
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) {
      this.note(`cloud-config key '${key}' is not applied: not a list`)
      return []
    }
    return value.flatMap((item: unknown) => {
      if (typeof item === 'string') return [item]
      if (Array.isArray(item)) return [item.map((word) => quote(String(word))).join(' ')]
      if (item !== null) this.note(`an entry of '${key}' is not applied: neither a text nor a list`)
      return []
    })
  }

  files(config: Config): PlannedFile[] {
    return this.#list(config, 'write_files').flatMap((entry) => {
      const {
        path,
        content,
        encoding = '',
        permissions = '0644',
        owner = '',
        append,
        defer,
      } = entry
      const bytes = decode(content ?? '', encoding)
      const mode = typeof permissions === 'number' ? permissions.toString(8) : String(permissions)
      if (typeof path !== 'string' || !path.startsWith('/') || path.includes('\0')) {
        this.note('a file of write_files is not applied: its path is not absolute')
      } else if (bytes === undefined || !/^[0-7]{1,5}$/.test(mode) || !isOwner(owner)) {
        this.note(
          `file '${path}' of write_files is not applied: its encoding, permissions or owner`,
        )
      } else {
        return [{ path, bytes, mode, owner, append: append === true, late: defer === true }]
      }
      return []
    })
  }

  users(config: Config): Pick<BootPlan, 'defaultUser' | 'users'> {
    if (config['users'] === undefined) return { defaultUser: true, users: [] }
    let defaultUser = false
    const users: PlannedUser[] = []
    const value = config['users']
    for (const entry of Array.isArray(value) ? value : [value]) {
      const wish: Config = isConfig(entry) ? entry : { name: entry }
      const { name } = wish
      if (name === 'default') defaultUser = true
      else if (
        typeof name !== 'string' ||
        !/^[a-z_][a-z0-9_-]{0,31}$/.test(name) ||
        name === 'root'
      ) {
        this.note('an entry of users is not applied: its name')
      } else {
        users.push(this.#user(name, wish))
      }
    }
    return { defaultUser, users }
  }

  #user(name: string, wish: Config): PlannedUser {
    for (const key of Object.keys(wish)) {
      if (!honouredOfUser.has(key)) this.note(`'${key}' of user '${name}' is not applied`)
    }
    const sudo = wish['sudo'] === false ? [] : this.strings(wish, 'sudo')
    const groups = this.strings(wish, 'groups').join(',').replaceAll(/\s/g, '')
    return {
      name,
      shell: this.string(wish, 'shell') ?? '/bin/sh',
      home: this.string(wish, 'homedir') ?? `/home/${name}`,
      groups: /^[\w,-]*$/.test(groups) ? groups : '',
      sudo: sudo.filter((line) => !line.includes('\n')),
      keys: this.strings(wish, 'ssh_authorized_keys'),
    }
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
    return ['rsa', 'ecdsa', 'ed25519'].flatMap((type) => {
      const secret = this.string(keys, `${type}_private`)
      return secret === undefined
        ? []
        : [
            {
              type,
              private: secret,
              public: this.string(keys, `${type}_public`) ?? '',
              certificate: this.string(keys, `${type}_certificate`) ?? '',
            },
          ]
    })
  }

  keyTypes(config: Config): string[] {
    // cloud-init makes three; the two slow ones are for clients that no longer exist.
    if (config['ssh_genkeytypes'] === undefined) return ['ed25519']
    return this.strings(config, 'ssh_genkeytypes').filter((type) =>
      /^(rsa|ecdsa|ed25519)$/.test(type),
    )
  }

  hostname(config: Config): string | undefined {
    const name = this.string(config, 'hostname') ?? this.string(config, 'fqdn')?.split('.')[0]
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

const honouredOfUser = new Set(
  words('name shell homedir groups sudo ssh_authorized_keys gecos lock_passwd'),
)

const isConfig = (value: unknown): value is Config =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isOwner = (value: unknown): value is string =>
  typeof value === 'string' && /^([a-z_][\w-]*(:[a-z_][\w-]*)?)?$/.test(value)

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

function decode(content: unknown, encoding: unknown): Uint8Array | undefined {
  if (content instanceof Uint8Array) return content
  if (typeof content !== 'string') return undefined
  if (encoding === '' || encoding === 'text/plain') return bytesOf(content)
  if (encoding === 'b64' || encoding === 'base64') return Buffer.from(content, 'base64')
  return undefined
}

/** One word of shell, whatever is in it. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
