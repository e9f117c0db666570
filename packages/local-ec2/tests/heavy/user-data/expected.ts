/** How the light machine is known to differ from cloud-init, and why it stays so. */
import type { ImageSystem } from '../../../src/machine/machine.ts'
import type { Difference } from './delta.ts'

/** Patterns have `*` for any text. */
interface Rule {
  /** Of the case. */
  name: string
  path: string
  what: 'type' | 'mode' | 'owner' | 'content'
  /** @default both */
  system?: ImageSystem
  because: string
}

export const rules: readonly Rule[] = [
  {
    name: 'parts*',
    path: 'opt/seen/boot*',
    what: 'content',
    because: 'the default user is there from the start, and so is its home',
  },
  {
    name: '*',
    path: 'etc/sub?id',
    what: 'content',
    because: "subordinate ids are this computer's, not a machine's",
  },
  {
    name: '*',
    path: '*/.ssh',
    what: 'type',
    because:
      'cloud-init looks for keys to print in the home of each account, and makes the place where it looks',
  },
  {
    name: '*',
    path: '*/.ssh/authorized_keys',
    what: 'type',
    because: 'as the folder that it lies in: it is empty',
  },
  {
    name: 'files*',
    path: 'opt/deep*',
    what: 'owner',
    system: 'debian-13',
    because:
      'folders that write_files makes belong to root, as on Debian 12: what counts on more fails there',
  },
  {
    name: 'host keys*',
    path: 'etc/ssh/ssh_host_*.pub',
    what: 'mode',
    system: 'debian-12',
    because: 'what is public can be read by everybody, as on Debian 13',
  },
  {
    name: 'host keys*',
    path: 'etc/sudoers.d',
    what: 'mode',
    because: 'it has the mode that cloud-init gives it with the first rule',
  },
  {
    name: 'files*',
    path: 'etc/hosts',
    what: 'content',
    because: 'manage_etc_hosts is not applied',
  },
  {
    name: 'host keys*',
    path: 'etc/shadow',
    what: 'content',
    because: 'chpasswd is not applied: nobody logs in with a password',
  },
  {
    name: 'files*',
    path: 'etc/ssh/sshd_config.d/50-cloud-init.conf',
    what: 'type',
    because: 'ssh_pwauth is not applied: nobody logs in with a password',
  },
]

export function isExpected(
  { name, path, what, system }: Rule,
  of: { name: string; system: ImageSystem },
  found: Difference,
): boolean {
  if (system !== undefined && system !== of.system) return false
  return matches(name, of.name) && matches(path, found.path) && matches(what, found.what)
}

function matches(pattern: string, text: string): boolean {
  const literal = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text)
}
