// ext4 holds no more.
const latest = 2 ** 33

/**
 * For `utimes`: to the microsecond, and to the millisecond before 1970, where Node takes no number but a `Date`.
 *
 * @param mtime seconds
 */
export function timesOf(mtime: number): [accessed: number | Date, changed: number | Date] {
  const bounded = Math.max(-latest, Math.min(latest, mtime))
  const time = bounded < 0 ? new Date(Math.floor(bounded * 1000)) : notBelow(bounded)
  return [time, time]
}

/** The whole microseconds as a floating-point number that does not lie below them, where they would be cut off. */
function notBelow(mtime: number): number {
  const micros = Math.floor(mtime * 1e6 + 0.2)
  const seconds = micros / 1e6
  const whole = Math.floor(seconds)
  const isBelow = Math.trunc((seconds - whole) * 1e9) < (micros - whole * 1e6) * 1000
  return isBelow ? seconds + 1.5e-7 : seconds
}
