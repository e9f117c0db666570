import { words } from '../words.ts'
import { type Config, isConfig, isTrue, pythonText } from './values.ts'

export interface PlannedUser {
  name: string
  /** What `useradd` is told, where the account does not exist. */
  options: string[]
  /** Made before it, where they do not exist. */
  groups: string[]
  /** For `chpasswd`. */
  password: string | undefined
  /** Whether `password` is a hash. */
  isHashed: boolean
  isLocked: boolean
  /** Lines of sudoers without the name. */
  sudo: string[]
  /** `undefined` when it gets no file of them. */
  keys: string[] | undefined
}

export interface Accounts {
  /** Whether the image's own user shall exist. */
  defaultUser: boolean
  users: PlannedUser[]
  /** Whether cloud-init gives up after them; then it does not come to the default user, which it makes last. */
  isCut: boolean
}

type Note = (text: string) => void

/** `users` of a cloud-config, in their order, up to the one where cloud-init gives up. */
export function planUsers(config: Config, note: Note): Accounts {
  if (config['users'] === undefined) return { defaultUser: true, users: [], isCut: false }
  const wishes = new Map<string, Config>()
  for (const wish of entriesOf(config['users'], note)) {
    const name = wish['name'] ?? 'default'
    // Of one name twice, what the first says counts.
    if (typeof name === 'string') wishes.set(name, { ...wish, ...wishes.get(name) })
    else note('an entry of users is not applied: its name')
  }
  const defaultUser = wishes.get('default')
  wishes.delete('default')
  if (defaultUser !== undefined && Object.keys(defaultUser).length > 1) {
    note("what users says of 'default' is not applied")
  }
  const users: PlannedUser[] = []
  let isCut = false
  for (const [name, wish] of wishes) {
    try {
      users.push(planUser(name, wish, note))
    } catch (error) {
      note(
        `user '${name}' and those after it are not made: ${error instanceof Error ? error.message : ''}`,
      )
      isCut = true
      break
    }
  }
  return { defaultUser: defaultUser !== undefined, users, isCut }
}

/** A list of names and mappings, a mapping of names, or names with commas between them. */
function entriesOf(value: unknown, note: Note): Config[] {
  if (isConfig(value)) {
    return Object.entries(value).flatMap(([name, wish]) => {
      if (isConfig(wish)) return [{ ...wish, name }]
      return wish === true || wish === 'yes' ? [{ name }] : []
    })
  }
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.flatMap((entry): Config[] => {
    if (isConfig(entry)) return [entry]
    const names: unknown[] = Array.isArray(entry) ? entry : [entry]
    if (names.every((name) => typeof name === 'string')) {
      return names
        .flatMap((text) => text.trim().split(','))
        .flatMap((name) => (name === '' ? [] : [{ name }]))
    }
    note('an entry of users is not applied: its name')
    return []
  })
}

const valued = new Map([
  ['expiredate', '--expiredate'],
  ['gecos', '--comment'],
  ['groups', '--groups'],
  ['homedir', '--home'],
  ['inactive', '--inactive'],
  ['passwd', '--password'],
  ['primary_group', '--gid'],
  ['shell', '--shell'],
  ['uid', '--uid'],
])

const flags = new Map([
  ['no_log_init', '--no-log-init'],
  ['no_user_group', '--no-user-group'],
  ['system', '--system'],
])

const others = new Set(
  words(`
    name sudo ssh_authorized_keys lock_passwd plain_text_passwd hashed_passwd no_create_home create_groups
  `),
)

/** @throws when cloud-init does not make it, nor those after it */
function planUser(name: string, given: Config, note: Note): PlannedUser {
  if (!/^[^\s:/\0-][^\s:/\0]*$/.test(name)) throw new Error('its name')
  const wish: Config = {}
  for (const [key, value] of Object.entries(given)) wish[key.replaceAll('-', '_').trim()] = value
  for (const key of Object.keys(wish)) {
    if (!others.has(key) && !valued.has(key) && !flags.has(key)) {
      note(`'${key}' of user '${name}' is not applied`)
    }
  }
  const hasNoHome = truthy(wish['no_create_home']) || truthy(wish['system'])
  if (hasNoHome && truthy(wish['ssh_authorized_keys'])) {
    throw new Error('it has keys, and no home for them')
  }
  const { groups, options } = optionsOf(wish)
  const plain = wish['plain_text_passwd']
  const hashed = wish['hashed_passwd']
  const password = truthy(hashed) ? hashed : plain
  return {
    name,
    options: [...options, hasNoHome ? '-M' : '-m'],
    groups,
    password: truthy(password) ? pythonText(password) : undefined,
    isHashed: truthy(hashed),
    isLocked: wish['lock_passwd'] === undefined || truthy(wish['lock_passwd']),
    sudo: sudoOf(wish['sudo']),
    keys: keysOf(wish, name, note),
  }
}

function optionsOf(wish: Config): { groups: string[]; options: string[] } {
  const groups = groupsOf(wish['groups'])
  const values: Config = { ...wish, groups: groups.join(',') }
  if (wish['uid'] !== undefined) values['uid'] = pythonText(wish['uid'])
  const options: string[] = []
  for (const key of Object.keys(values).toSorted()) {
    const value = values[key]
    const option = valued.get(key)
    const flag = flags.get(key)
    if (option !== undefined && typeof value === 'string' && value !== '') {
      if (value.includes('\0')) throw new Error(`its ${key} has a zero byte`)
      options.push(option, value)
    }
    if (flag !== undefined && truthy(value)) options.push(flag)
  }
  const primary = wish['primary_group']
  if (typeof primary === 'string' && groups.length > 0) groups.push(primary)
  return { groups: isTrue(wish, 'create_groups', true) ? groups : [], options }
}

function groupsOf(groups: unknown): string[] {
  if (groups === undefined || groups === null) return []
  const list: unknown = typeof groups === 'string' ? groups.split(',') : groups
  const names = isConfig(list) ? Object.keys(list) : list
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new Error('its groups are no list of names')
  }
  return names.map((name) => name.trim()).filter(Boolean)
}

function sudoOf(sudo: unknown): string[] {
  if (!truthy(sudo)) return []
  const rules: unknown[] = Array.isArray(sudo) ? sudo : [sudo]
  return rules.map((rule) => pythonText(rule))
}

function keysOf(wish: Config, name: string, note: Note): string[] | undefined {
  if (!('ssh_authorized_keys' in wish)) return undefined
  const keys = wish['ssh_authorized_keys']
  const list = isConfig(keys)
    ? Object.values(keys)
    : typeof keys === 'string'
      ? [keys]
      : (keys ?? [])
  if (Array.isArray(list)) return list.map((key) => pythonText(key))
  note(`'ssh_authorized_keys' of user '${name}' is not applied`)
  return []
}

/** As Python takes it. */
function truthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  return isConfig(value) ? Object.keys(value).length > 0 : Boolean(value)
}
