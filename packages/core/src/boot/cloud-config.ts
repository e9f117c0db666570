/**
 * What a user's cloud-config may not say, because it would take our login, our host key or the machine's end away.
 *
 * Found without a YAML parser: keys of the whole document all begin in one column, where no value of theirs can begin
 * a line. Of what YAML has besides, an object in JSON is read as such; another flow mapping, and a key that is not
 * spelled out, is refused. cloud-init itself leaves a document out that it cannot parse, and says so in its log.
 */
import { BenchawayError } from '../errors.ts'

const ofHostKey = 'Leave it out: a login is verified by the host key that Benchaway makes.'
const ofModules = 'Leave it out: without its modules cloud-init would not let anybody in.'
const ofAccount = 'Leave it out: the login account is that of the image. Add others with `users`.'

const reserved = new Map([
  ['ssh_keys', ofHostKey],
  ['ssh_deletekeys', ofHostKey],
  ['ssh_quiet_keygen', ofHostKey],
  ['disable_ec2_metadata', 'Leave it out: user-data holds the host key, and Benchaway hides it.'],
  ['user', ofAccount],
  ['system_info', ofAccount],
  ['cloud_init_modules', ofModules],
  ['cloud_config_modules', ofModules],
  ['cloud_final_modules', ofModules],
  ['allow_userdata', 'Leave it out: after a reboot the machine would not end by itself any more.'],
  [
    'power_state',
    'Leave it out and call `terminate()`: EC2 keeps a halted machine, and its price.',
  ],
  ['<<', 'Write its keys out: what it brings in cannot be checked here.'],
])

/** Our own items are appended to the user's, which only a list can take. */
const lists = new Set(['users', 'ssh_authorized_keys'])

/**
 * @param text from `#cloud-config` on
 * @param what names the part in messages
 * @throws {BenchawayError} `OPTION_INVALID`
 */
export function checkCloudConfig(text: string, what: string): void {
  for (const { key, isList } of topLevelKeys(text, what)) {
    const hint = reserved.get(key)
    if (hint !== undefined) throw invalid(`${what} sets '${key}'`, hint)
    if (lists.has(key) && !isList) {
      const advice = `Write each item in a line of its own that begins with '- '.`
      throw invalid(`${what} has a '${key}' that is not a list`, advice)
    }
  }
}

/** Whether a cloud-config that passed has that key. */
export function hasKey(text: string, wanted: string): boolean {
  return topLevelKeys(text, '').some(({ key }) => key === wanted)
}

interface Key {
  readonly key: string
  readonly isList: boolean
}

function topLevelKeys(text: string, what: string): Key[] {
  const lines = text.split(lineBreak).filter((line) => !/^\s*(?:#|$)/.test(line))
  while (preamble.test(lines[0] ?? '.')) lines.shift()
  if (opening.test(lines[0] ?? '')) {
    return keysOfJson(lines.join('\n').replace(opening, '{'), what)
  }
  const indent = /^ */.exec(lines[0] ?? '')?.[0] ?? ''
  return lines.flatMap((line, index) => {
    if (!line.startsWith(indent)) return []
    const rest = line.slice(indent.length)
    const found = keyLine.exec(rest)?.groups
    if (found === undefined && unread.test(rest)) {
      throw invalid(
        `${what} has a key that is not spelled out in its line`,
        'Write each key as a plain word.',
      )
    }
    if (found === undefined) return []
    const { key = '', value = '' } = found
    const first = value === '' ? (lines[index + 1] ?? '') : value
    return [{ key, isList: value === '' ? /^\s*-(?:\s|$)/.test(first) : first.startsWith('[') }]
  })
}

/** What ends a line in YAML 1.1, which cloud-init reads. */
const lineBreak = /\r?\n|[\r\u0085\u2028\u2029]/

/** A directive, or a line of the mark of a document and of tags and anchors of the whole. */
const preamble = /^(?:%|(?:---(?=\s|$))?(?:\s*[!&]\S*(?=\s|$))*\s*(?:#.*)?$)/

/** Of one flow mapping, with what may stand before it in its line. */
const opening = /^(?:---\s)?\s*(?:[!&]\S*\s+)*\{/

/** A key with what YAML allows before it (`?`, a tag, an anchor) and around it, and what follows in its line. */
const keyLine =
  /^(?:[?!&]\S*\s+)*(?<quote>["']?)(?<key>[\w<-]+)\k<quote>\s*(?::(?=\s|$)\s*(?<value>[^#].*)?|(?:\s#.*)?$)/

/** A key in lines that follow, by an alias, or with escapes. */
const unread = /^(?:[?!&]\S*(?:\s+|$))*(?:\*|[>|]|"[^"]*\\|#|$)/

function keysOfJson(json: string, what: string): Key[] {
  try {
    const config: unknown = JSON.parse(json)
    return Object.entries(config ?? {}).map(([key, value]) => ({
      key,
      isList: Array.isArray(value),
    }))
  } catch (cause) {
    throw invalid(
      `${what} begins with '{' and is not JSON`,
      'Write one key a line, or JSON.stringify() it.',
      cause,
    )
  }
}

function invalid(message: string, hint: string, cause?: unknown): BenchawayError {
  return new BenchawayError('OPTION_INVALID', message, { hint, cause })
}
