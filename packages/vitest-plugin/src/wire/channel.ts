/** How a program is started at the far end of an ssh channel that carries messages. */

/**
 * The shell line that runs a command with our messages coming in on file descriptor 3 and going out on 4. What it
 * prints itself, on 1 or 2, comes out as stderr of the channel.
 */
export function channelLine(command: string): string {
  return [
    // A program in an endless loop never sees that its channel closed.
    `set -- setpriv --pdeathsig KILL; "$@" true 2>/dev/null || set --`,
    `exec "$@" ${command} 3<&0 4>&1 1>&2 0</dev/null`,
  ].join('; ')
}

/** A word that a POSIX shell reads back as it is. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
