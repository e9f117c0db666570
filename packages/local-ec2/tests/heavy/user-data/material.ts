import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Keys } from '../../machine/bench-kit.ts'

interface KeyTexts {
  private: string
  /** Type and key, without a comment. */
  public: string
}

/** Keys that user-data can carry; made anew, so that none lies in the repository. */
export interface Material {
  /** Opens the machine. */
  login: string
  rsa: KeyTexts
  ecdsa: KeyTexts
  ed25519: KeyTexts
  /** Of the ed25519 key, for a host. */
  certificate: string
}

export function makeMaterial({ folder, userPublic }: Keys): Material {
  const at = (name: string): string => join(folder, name)
  const keygen = (...args: string[]): void => {
    execFileSync('ssh-keygen', ['-q', ...args])
  }
  const make = (type: string): KeyTexts => {
    keygen('-t', type, '-N', '', '-C', '', '-f', at(type))
    const [kind, key] = readFileSync(at(`${type}.pub`), 'utf8').split(' ')
    return { private: readFileSync(at(type), 'utf8'), public: `${kind} ${key?.trim()}` }
  }
  const [rsa, ecdsa, ed25519] = [make('rsa'), make('ecdsa'), make('ed25519')]
  keygen('-s', at('ecdsa'), '-I', 'host', '-h', '-n', 'host', at('ed25519.pub'))
  const certificate = readFileSync(at('ed25519-cert.pub'), 'utf8').trim()
  return { login: userPublic, rsa, ecdsa, ed25519, certificate }
}
