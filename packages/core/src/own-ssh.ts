/** The user's own ssh, instead of ours. */
import type { Instance } from './instance.ts'
import { sshTarget } from './instance.ts'
import type { SshHost } from './ssh/ssh-config.ts'
import { writeSshConfig as write, type WrittenSshConfig } from './ssh/write-ssh-config.ts'

/**
 * Writes an ssh config with all that it needs, private keys among it, so that your own ssh, scp, sftp, rsync and editor
 * reach the machines by their ids and verify their host keys. Files of an earlier time are replaced. Remove the folder
 * afterwards: the keys are of no use once the machines are gone.
 *
 * @param folder made with mode 0700 when it is missing; of an existing one nobody else may be the owner or write to it
 * @throws {BenchawayError} `OPTION_INVALID` when the folder cannot be used
 */
export function writeSshConfig(
  instances: readonly Instance[],
  folder: string,
): Promise<WrittenSshConfig> {
  const all = new Map<string, SshHost>()
  const add = (instance: Instance): void => {
    const { id, proxyJump } = instance
    if (all.has(id)) return
    all.set(id, { name: id, target: sshTarget(instance.access()), via: proxyJump?.id })
    if (proxyJump) add(proxyJump)
  }
  for (const instance of instances) add(instance)
  return write([...all.values()], folder)
}
