/** What a pull runs on the machine: a POSIX shell, coreutils, findutils and GNU tar. */
import { quote } from '../command.ts'

// In the locale C words are known and names are bytes.
const plain = 'export LC_ALL=C TAR_OPTIONS=; unset CDPATH'

// Access and change times would double the headers; a hard link comes as a file of its own. What tar writes at once
// fills a packet of ssh.
const tar =
  'tar --format=posix -b 64 --pax-option=delete=atime,delete=ctime --hard-dereference --sparse --numeric-owner'

const describe = `stat -L --printf='%s %.6Y %a %b' -`

// `cat` and `head` read less at a time.
const copy = 'dd bs=262144 status=none'

/** How a script ends when a file was changed while it was read; nothing that it runs ends so. */
export const changedExit = 75

// Blocks, the last word, become others when what was written before comes to the disk.
const checkUnchanged = `t=$(${describe}) || exit; [ "\${h% *}" = "\${t% *}" ] || exit ${changedExit}`

// What is not whole yet of other transfers, as `isPart` knows it (`names.ts`).
const parts = ['part', 'end'].map((ending) => `.benchaway-${'[0-9a-f]'.repeat(12)}.${ending}`)

export interface FarFile {
  /** Its first bytes come along. */
  readonly first: number
  /** `size mtime` or, with `checksum`, `size sha256`: a file that has them is here already. */
  readonly have: string | undefined
  readonly checksum: boolean
  /** A file with holes may come as an archive. */
  readonly asArchive: boolean
}

/**
 * Prints one line that says what comes: `folder`, and what `folder` prints; or `file`, `sparse` or `equal`, with
 * size, mtime, mode, blocks and SHA-256, and then the first bytes, an archive, or nothing. Ends with `changedExit` when
 * those are no longer true of the file that was read.
 */
export function openScript(path: string, file: FarFile, folder: string): string {
  const sum = file.checksum ? 'sum=$(sha256sum | cut -c1-64) && exec <"$p" || exit' : 'sum='
  const lines = [
    plain,
    `p=${farPath(path)}`,
    `if [ -d "$p" ]; then ${folder}; fi`,
    `if [ -e "$p" ] && [ ! -f "$p" ]; then echo "$p: Not a file or a folder" >&2; exit 65; fi`,
    'exec <"$p" || exit',
    `h=$(${describe}) || exit`,
    sum,
    'set -- $h',
  ]
  if (file.have !== undefined) {
    const here = file.checksum ? '$1 $sum' : '$1 $2'
    lines.push(`if [ "${here}" = ${quote(file.have)} ]; then echo "equal $h $sum"; exit; fi`)
  }
  if (file.asArchive) {
    lines.push(
      'if [ "$1" -gt 1048576 ] && [ $(($4 * 512)) -lt "$1" ]; then',
      `echo "sparse $h $sum"; ${tar} -P -h -cf - "$p"; c=$?; ${checkUnchanged}; exit $c; fi`,
    )
  }
  lines.push(
    `n=${file.first}; if [ "$1" -lt $n ]; then n=$1; fi`,
    'echo "file $h $sum"',
    // Files of /proc have no size before they are read.
    `if [ "$1" = 0 ]; then cat; else ${copy} iflag=fullblock,count_bytes count=$n; fi || exit`,
    checkUnchanged,
  )
  return lines.join('\n')
}

/** Prints the line of a `file`, and then its bytes from `from` up to `to`; ends like `openScript`. */
export function rangeScript(path: string, from: number, to: number): string {
  return [
    plain,
    `exec <${farPath(path)} || exit`,
    `h=$(${describe}) || exit`,
    'echo "file $h"',
    `${copy} iflag=fullblock,skip_bytes,count_bytes skip=${from} count=${to - from} || exit`,
    checkUnchanged,
  ].join('\n')
}

/** For `openScript`: everything in the folder `$p`. */
export const wholeFolder: string = `echo folder; exec ${tar} ${parts.map((glob) => `--exclude='${glob}'`).join(' ')} -C "$p" -cf - .`

// Type, permission bits, size, time of change, blocks and name, and where a link leads.
const printed = String.raw`'%y %m %s %T@ %b ./%P\0%l\0'`

// What is removed while it is listed would be an error.
const noParts = `\\( ${parts.map((glob) => `-name '${glob}'`).join(' -o ')} \\) -prune -o`

/** For `openScript`: what there is in the folder `$p`. */
export const listFolder: string = `echo folder; exec find "$p/" ${noParts} -printf ${printed}`

/** What there is in some folders, up to a depth each, as `find` prints it below `base`. */
export function listScript(
  base: string,
  folders: readonly { path: string; depth: number }[],
): string {
  const finds = folders.map(({ path, depth }) => {
    const most = Number.isFinite(depth) ? ` -maxdepth ${depth}` : ''
    return `find ${quote(path === '' ? './' : `./${path}/`)} -mindepth 1${most} ${noParts} -printf ${printed.replace('./%P', '%p')} || exit`
  })
  return [plain, `cd -P ${farPath(base)} >/dev/null || exit`, ...finds].join('\n')
}

/** What there is in a folder, like `listFolder`. */
export function relistScript(path: string): string {
  return [plain, `p=${farPath(path)}`, `exec find "$p/" ${noParts} -printf ${printed}`].join('\n')
}

/** An archive of the names that it reads, each with a NUL after it. */
export function namedScript(path: string): string {
  return `${plain}\nexec ${tar} -C ${farPath(path)} --no-recursion --null --no-unquote -T - -cf -`
}

/** The SHA-256 of the files whose names it reads, each with a NUL after it. */
export function sumsScript(path: string): string {
  return `${plain}\ncd -P ${farPath(path)} >/dev/null && exec xargs -0 -r sha256sum -z --`
}

/** A path that begins with a hyphen is no option. */
function farPath(path: string): string {
  return quote(path.startsWith('-') ? `./${path}` : path)
}
