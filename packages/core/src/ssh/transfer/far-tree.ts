/** What runs on the machine while a folder is pushed: bash, GNU coreutils, findutils and tar. */
import { quote } from '../command.ts'
import { incomplete, otherSum, wait } from './far-file.ts'

export interface Stage {
  /** Beside the folder that is to appear, or in the one that is there. */
  readonly name: string
  /** The last member of the archive. */
  readonly endName: string
}

export function stageOf(random: string): Stage {
  return { name: `.benchaway-${random}.part`, endName: `.benchaway-${random}.end` }
}

/**
 * Says, each in a line behind the name of the stage, `merge` when there is a folder already and `new` when there is none, and `kept` or `fresh` about the stage. Then
 * reads words:
 * `list LENGTH` with as many bytes of names, each with a NUL behind, for what there is (`readList`);
 * `sums LENGTH`, the same for the checksums of files (`readSums`);
 * `tar`, with an archive up to the end of the input: everything appears under its name if the archive is whole;
 * `quit` when there is nothing to send.
 *
 * @param path without a slash at its end, but for `/`
 * @param old the stage that an earlier try has left, if there was one
 * @param keepSeconds how long the stage is kept when the archive breaks off
 */
export function writeTree(
  path: string,
  stage: Stage,
  old: Stage | undefined,
  keepSeconds: number,
): string {
  const at = path.lastIndexOf('/')
  const claim =
    old === undefined
      ? 'say fresh'
      : `if mv -T -- ${old.name} "$stage" 2>/dev/null; then own=$(inode) || exit; say kept; else say fresh; fi`
  const script = `export LC_ALL=C
shopt -s dotglob nullglob
to=${quote(path)} stage=${stage.name} end=${stage.endName}
say() { echo "$stage $1"; }
state=new
if [[ -d $to ]]; then cd -- "$to" && state=merge || exit
elif [[ -e $to || -L $to ]]; then echo "$to: Not a directory" >&2; exit 1
else cd -- ${quote(path.slice(0, at + 1))} || exit; fi
say "$state"
remove() { rm -rf -- "$stage" "$end" 2>/dev/null || { chmod -R u+rwX -- "$stage"; rm -rf -- "$stage" "$end"; }; }
inode() { stat -c %i -- "$stage"; }
tell_end() { printf '\\0%s\\0' "$stage"; }
# A folder that is in both is merged itself; everything else takes its place by one rename. Who is not root may neither
# move a folder nor move into it while it is read-only.
merge() {
  local from=$1 into=$2 one name failed moves=() shut=()
  for one in "$from"/*; do
    name=$into/\${one##*/}
    if [[ -d $one && ! -L $one && -d $name && ! -L $name ]]; then merge "$one" "$name" || return
    else
      moves+=("$one")
      if [[ -d $one && ! -L $one && ! -w $one ]]; then chmod -f u+w -- "$one" && shut+=("$name"); fi
    fi
  done
  ((\${#moves[@]} > 0)) || return 0
  if [[ ! -w $into ]]; then chmod -f u+w -- "$into" && shut+=("$into"); fi
  printf '%s\\0' "\${moves[@]}" | xargs -0 mv -f -t "$into" --
  failed=$?
  ((\${#shut[@]} == 0)) || printf '%s\\0' "\${shut[@]}" | xargs -0 chmod -f u-w -- || failed=$?
  return "$failed"
}
trap remove EXIT
trap 'exit 1' HUP INT TERM PIPE
umask 077
own=
${claim}
while read -r word length; do case $word in
list) head -c "$length" | xargs -0r bash -c 'exec find "$@" -maxdepth 0 -printf "%y %m %s %T@ %p\\0%l\\0"' - 2>/dev/null; tell_end;;
sums) head -c "$length" | xargs -0r sha256sum -z -- 2>/dev/null; tell_end;;
quit) exit 0;;
tar)
[[ $own ]] || { mkdir -- "$stage" && own=$(inode); } || exit
tar -x -p -P -b 128 --no-same-owner --delay-directory-restore --warning=no-timestamp -f -
failed=$?
# When another one has claimed it, tar has made a part of it anew.
[[ $(inode) == "$own" ]] || exit
[[ -e $end ]] || break
((failed == 0)) || exit "$failed"
if [[ -s $end ]]; then sha256sum -c --quiet -- "$end" >&2 || exit ${otherSum}; fi
rm -f -- "$end"
if [[ $state == merge ]]; then merge "$stage" .; exit; fi
mv -T -- "$stage" ${quote(path.slice(at + 1))} || exit
trap - EXIT
exit 0;;
esac; done
trap - EXIT
${wait('stage', keepSeconds)}
remove; } </dev/null >/dev/null 2>&1 &
say "waiter $!"
exit ${incomplete}
`
  return `exec bash -c ${quote(script)}`
}

/** What an answer ends with: no name has a NUL, and nobody can guess the stage. */
export function answerEnd({ name }: Stage): string {
  return `\u0000${name}\u0000`
}

/** Ends what waits with a stage for another try, and removes the stage. */
export function removeStage(path: string, { name, endName }: Stage, waiter: string): string {
  const parent = quote(path.slice(0, path.lastIndexOf('/') + 1))
  const both = `${name} ${endName}`
  return `kill ${waiter}; cd -- ${quote(path)} 2>/dev/null || cd -- ${parent} || exit
rm -rf -- ${both} 2>/dev/null || { chmod -R u+rwX -- ${name}; rm -rf -- ${both}; }`
}

/** What there is under a name, as `find` tells it. */
export interface There {
  /** One letter: `f`, `d`, `l` and others. */
  readonly type: string
  readonly mode: number
  readonly size: number
  readonly mtimeNs: bigint
  /** Where a link leads; '' for what is none. */
  readonly link: string
}

/** By name, as it was asked for. */
export function readList(answer: string): Map<string, There> {
  const fields = answer.split('\0')
  const found = new Map<string, There>()
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [, type, mode, size, seconds, name] =
      /^(.) (\d+) (\d+) (-?\d+\.\d+) (.*)$/s.exec(fields[at] ?? '') ?? []
    if (type === undefined || mode === undefined || seconds === undefined || name === undefined)
      continue
    found.set(name, {
      type,
      mode: Number.parseInt(mode, 8),
      size: Number(size),
      mtimeNs: nsOf(seconds),
      link: fields[at + 1] ?? '',
    })
  }
  return found
}

/** SHA-256 in hex by name, as it was asked for. */
export function readSums(answer: string): Map<string, string> {
  const lines = answer.split('\0').slice(0, -1)
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]))
}

/** Its decimals are nine, and a tenth that `find` makes up. */
function nsOf(seconds: string): bigint {
  const [whole = '0', decimals = ''] = seconds.split('.')
  const ns = BigInt(decimals.slice(0, 9).padEnd(9, '0'))
  const sign = whole.startsWith('-') ? -1n : 1n
  return BigInt(whole) * 1_000_000_000n + sign * ns
}
