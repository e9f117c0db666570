/**
 * File names as what they are, bytes: on Linux any but NUL and `/` are legal. Here each byte is one character (latin1),
 * so that names can be compared, sorted and cut like any string and none is lost.
 */

/** The bytes of ordinary text. */
export function bytesOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1')
}

/** For people and for globs; bytes that are no UTF-8 become U+FFFD. */
export function textOf(name: string): string {
  return isAscii(name) ? name : Buffer.from(name, 'latin1').toString()
}

/** For `node:fs`. */
export function localPath(name: string): string | Buffer {
  return isAscii(name) ? name : Buffer.from(name, 'latin1')
}

/** Whether it is something of ours that is not whole yet (`part-file.ts`, `far-tree.ts`), or lies in such a folder. */
export function isPart(name: string): boolean {
  return /(?:^|\/)\.benchaway-[0-9a-f]{12}\.(?:part|end)(?:\/|$)/.test(name)
}

function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- NUL to DEL are what ASCII is
  return /^[\u0000-\u007F]*$/.test(text)
}
