/** What two endpoints answered, made comparable, and where they differ. */
import { EC2ServiceException } from '@aws-sdk/client-ec2'
import { STSServiceException } from '@aws-sdk/client-sts'

export interface Difference {
  /** Such as `SecurityGroups.0.GroupName`. */
  path: string
  /** `undefined` where there is nothing. */
  ours: unknown
  theirs: unknown
}

/** The answer, or code, status and message of the refusal. */
export async function outcome(call: Promise<object>): Promise<object> {
  try {
    const { $metadata: _, ...answer } = { $metadata: undefined, ...(await call) }
    return answer
  } catch (error) {
    if (!(error instanceof EC2ServiceException || error instanceof STSServiceException)) throw error
    const { name: code, message, $metadata } = error
    return { refused: { code, status: $metadata.httpStatusCode, message } }
  }
}

/** What differs from run to run, and what is put in its place. */
const passing: [pattern: RegExp, placeholder: string][] = [
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| (?:GMT|UTC))/g, '(time)'],
  [/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----\n?/g, '($1)'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '(uuid)'],
  [/\b[0-9a-f]{2}(?::[0-9a-f]{2}){31}\b/g, '(SHA-256)'],
  [/\b[0-9a-f]{2}(?::[0-9a-f]{2}){19}\b/g, '(SHA-1)'],
  [/\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/g, '(MAC)'],
  [/^[A-Za-z0-9+/]{43}=$/g, '(SHA-256 in base64)'],
  [/\bAAAAC3NzaC1lZDI1NTE5[A-Za-z0-9+/]{48}\b/g, '(ed25519)'],
  [/\b\d{1,3}(?:[.-]\d{1,3}){3}\b(?!\/)/g, '(address)'],
  [/\b\d{12}\b/g, '(account)'],
]
const ids =
  /\b(i|r|vol|eni|eni-attach|sg|sgr|key|subnet|vpc|vpc-cidr-assoc|ami|snap|dopt)-[0-9a-f]{8,17}\b/g

/** Replaces what differs from run to run by what it is, and ids by their place among those seen so far. */
export class Normaliser {
  readonly #seen = new Map<string, string>()
  readonly #counts = new Map<string, number>()

  normalise(value: unknown): unknown {
    if (value instanceof Date) return '(time)'
    if (typeof value === 'string') return this.#text(value)
    if (Array.isArray(value)) return value.map((item) => this.normalise(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([member, inner]) => [member, this.normalise(inner)]),
    )
  }

  #text(text: string): string {
    return passing.reduce(
      (rest, [pattern, placeholder]) => rest.replace(pattern, placeholder),
      text.replace(ids, (id, kind: string) => this.#place(id, kind)),
    )
  }

  #place(id: string, kind: string): string {
    const known = this.#seen.get(id)
    if (known !== undefined) return known
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    const place = `${kind}#${count}`
    this.#seen.set(id, place)
    return place
  }
}

export function differences(ours: unknown, theirs: unknown): Difference[] {
  const [a, b] = [leaves(ours), leaves(theirs)]
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((path) => a.get(path) !== b.get(path))
    .map((path) => ({ path, ours: a.get(path), theirs: b.get(path) }))
}

/** Every value that is none of others, by its path. An empty list is nothing: the wire cannot tell. */
function leaves(
  value: unknown,
  path = '',
  into = new Map<string, unknown>(),
): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) {
    if (value !== undefined) into.set(path, value)
    return into
  }
  for (const [member, inner] of Object.entries(value)) {
    leaves(inner, path === '' ? member : `${path}.${member}`, into)
  }
  return into
}
