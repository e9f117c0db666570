/**
 * What a machine may call things here. Names are bytes, one a character (`names.ts`), relative to the folder that is
 * pulled. All that are legal are let in, also those that would steer a terminal: who prints names has to quote them, as
 * `shown` does.
 */

/** Why something that was sent is not here. */
export interface Refused {
  /** Its name, with what a terminal would obey or not show written as `\x1b`. */
  readonly path: string
  readonly reason: string
}

// Linux opens no path that is longer.
export const longestName = 4095

/** Nothing, `.` or `..` between slashes. */
const noName = /(?:^|\/)\.{0,2}(?:\/|$)/

/**
 * @returns the name without `./` before it and `/` after it, empty for the folder itself; or why it is refused
 */
export function safeName(sent: string): { name: string } | { reason: string } {
  if (sent.includes('\0')) return { reason: 'its name has a NUL' }
  if (sent.length > longestName) return { reason: 'its name is too long' }
  let from = 0
  while (sent.startsWith('./', from)) from += 2
  const to = sent.endsWith('/') && sent.length > from ? sent.length - 1 : sent.length
  const name = sent.slice(from, to)
  if (name === '' ? from > 0 : name === '.') return { name: '' }
  if (name.startsWith('/')) return { reason: 'its name is absolute' }
  if (noName.test(name)) {
    return { reason: /(?:^|\/)\.\.(?:\/|$)/.test(name) ? "its name has '..'" : 'its name is none' }
  }
  return { name }
}

/**
 * Why a link is refused, if it is.
 *
 * It may go up first, as far as the folder that is pulled, and then down by names: folders on the way up are no
 * links, and links on the way down obey the same rule, so that it cannot lead out, whatever others come. Up again after
 * a name is refused: that name could be a link to a place from where up leads out. Links that are on this computer
 * already, in a folder that is merged, need not obey it: what comes may lead where they lead.
 */
export function unsafeLink(name: string, target: string): string | undefined {
  if (target === '' || target.includes('\0')) return 'it is a link to nowhere'
  if (target.length > longestName) return 'it is a link to a name that is too long'
  if (target.startsWith('/')) return 'it is a link to an absolute path'
  const parts = target.split('/').filter((part) => part !== '' && part !== '.')
  let ups = 0
  while (parts[ups] === '..') ups++
  if (parts.includes('..', ups)) return "it is a link that goes up ('..') after a name"
  const depth = name.split('/').length - 1
  return ups > depth ? 'it is a link out of the folder' : undefined
}

/** '' for what is in the folder itself. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')))
}

/**
 * One text for all names that a file system may take for the same one: in upper and lower case, composed and
 * decomposed. It takes more together than any of them does.
 */
export function folded(name: string): string {
  const text = Buffer.from(name, 'latin1').toString().normalize('NFKD')
  return text.toUpperCase().toLowerCase().normalize('NFKD')
}

/** A name for people: one line, and nothing that steers a terminal. */
export function shown(name: string): string {
  return Buffer.from(name.slice(0, 4096), 'latin1')
    .toString()
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
      const code = (character.codePointAt(0) ?? 0).toString(16)
      return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`
    })
}
