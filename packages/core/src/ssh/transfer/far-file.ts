/** What runs on the machine while one file is pushed: POSIX shell and GNU coreutils. */
import { quote } from '../command.ts'
import { secondsOf } from './tar-header.ts'

/** It ended before all was there, and keeps what it has for a while. */
export const incomplete = 96
/** What arrived has another checksum. */
export const otherSum = 97

export interface FarFile {
  readonly path: string
  readonly size: number
  readonly mode: number
  readonly mtimeNs: bigint | undefined
  /** SHA-256 in hex: tells what is equal already, if it was asked for. */
  readonly sum: string | undefined
}

/** A relative path that begins with a hyphen must not look like an option. */
export function farPath(path: string): string {
  return path.startsWith('/') ? path : `./${path}`
}

/** Something of ours in the folder of `path`. Its own name might become too long with anything added. */
export function beside(path: string, random: string): string {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}.benchaway-${random}.part`
}

/**
 * Says, each in a line behind the name of the part, `same` when there is nothing to do, or `kept` or `new` about the part; reads `put FROM LENGTH`, with as many
 * bytes behind, `sum SHA256` and at last `end`, without which nothing appears under the name of the file.
 *
 * @param old the part that an earlier try has left, if there was one
 * @param keepSeconds how long the part is kept when the input ends before `end`
 */
export function writeFile(
  file: FarFile,
  part: string,
  old: string | undefined,
  keepSeconds: number,
): string {
  const { path, size, mode, mtimeNs } = file
  const claim =
    old === undefined ? '' : `mv -T -- ${quote(old)} "$part" 2>/dev/null && say kept || `
  // `-c`: a part that another try has claimed meanwhile is not made anew, and `mv` fails.
  return `export LC_ALL=C
to=${quote(path)} part=${quote(part)}
if [ -d "$to" ]; then echo "$to: Is a directory" >&2; exit 1; fi
say() { echo "\${part##*/} $1"; }
${sameTest(file)}trap 'rm -f -- "$part"' EXIT
trap 'exit 1' HUP INT TERM PIPE
umask 077
${claim}{ : >"$part" && say new; } || exit
while read -r word one two; do case $word in
${put}
sum) [ "$(sha256sum <"$part")" = "$one  -" ] || exit ${otherSum};;
end)
truncate -c -s ${size} -- "$part" && chmod ${mode.toString(8)} -- "$part" || exit
${mtimeNs === undefined ? '' : `touch -c -d @${secondsOf(mtimeNs)} -- "$part" || exit\n`}mv -fT -- "$part" "$to" || exit
trap - EXIT
exit 0;;
esac; done
trap - EXIT
${wait('part', keepSeconds)}
rm -f -- "$part"; } </dev/null >/dev/null 2>&1 &
say "waiter $!"
exit ${incomplete}
`
}

/** Begins a group that waits, for so long as nobody has claimed what lies under the name in the variable. */
export function wait(variable: string, seconds: number): string {
  return `{ left=${seconds}; while [ "$left" -gt 0 ] && [ -e "$${variable}" ]; do sleep 1; left=$((left - 1)); done`
}

/** A further channel into a part that is there: reads `put FROM LENGTH` with the bytes, and at last `end`. */
export function helpWrite(part: string): string {
  return `export LC_ALL=C
part=${quote(part)}
while read -r word one two; do case $word in
${put}
end) exit 0;;
esac; done
exit ${incomplete}
`
}

/** Ends what waits with a part for another try, and removes the part. */
export function removePart(part: string, waiter: string): string {
  return `kill ${waiter}; rm -f -- ${quote(part)}`
}

// Not `cat`: it would take the next word as well. A part that was removed meanwhile is not made anew.
const put = `put) dd of="$part" bs=128k count="$two" seek="$one" iflag=fullblock,count_bytes oflag=seek_bytes \\
conv=notrunc,nocreat status=none || exit;;`

function sameTest({ size, mode, mtimeNs, sum }: FarFile): string {
  if (sum === undefined && mtimeNs === undefined) return ''
  // As `stat` prints a regular file.
  const kind = (0o100000 + mode).toString(16)
  const [format, wanted] =
    sum === undefined && mtimeNs !== undefined
      ? ['%f %s %.9Y', `${kind} ${size} ${secondsOf(mtimeNs)}`]
      : ['%f %s', `${kind} ${size}`]
  const isSame = `[ "$(stat -c '${format}' -- "$to" 2>/dev/null)" = '${wanted}' ]`
  const hasSum = sum === undefined ? '' : ` && [ "$(sha256sum <"$to")" = '${sum}  -' ]`
  return `if ${isSame}${hasSum}; then say same; exit; fi\n`
}
