/** Reading what YAML gave as cloud-init reads it, which is written in Python. */
export type Config = Record<string, unknown>

export const isConfig = (value: unknown): value is Config =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof Uint8Array)

/** As its `get_cfg_option_bool`: `yes` in quotes is true, any other word is false. */
export function isTrue(config: Config, key: string, otherwise: boolean): boolean {
  const value = config[key]
  if (value === undefined) return otherwise
  return value === true || /^\s*(true|1|on|yes)\s*$/i.test(pythonText(value))
}

/** As Python's `str()` has it, for what a line of shell can be made of. */
export function pythonText(value: unknown): string {
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (value === null || value === undefined) return 'None'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** One word of shell, whatever is in it. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}
