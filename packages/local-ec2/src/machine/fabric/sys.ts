import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { namespaceFile } from './namespaces.ts'
import { run } from './run.ts'

/**
 * What a machine that is made of an image sees of `/sys`, below `directory`: a sysfs of its own network, and the DMI
 * data by which cloud-init knows an EC2 instance.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
 */
export async function mountSys(
  directory: string,
  id: string,
): Promise<{ fs: string; dmi: string }> {
  const [fs, dmi] = [join(directory, 'sys'), join(directory, 'dmi')]
  // At a later boot there is one of a network that is gone.
  await run('umount', ['--lazy', fs]).catch(() => {})
  mkdirSync(fs, { recursive: true })
  mkdirSync(join(dmi, 'id'), { recursive: true })
  const uuid = uuidOf(id)
  for (const [name, text] of [
    ['sys_vendor', 'Amazon EC2'],
    ['bios_vendor', 'Amazon EC2'],
    ['board_asset_tag', id],
    ['product_uuid', uuid],
    ['product_serial', uuid],
  ] as const) {
    writeFileSync(join(dmi, 'id', name), `${text}\n`)
  }
  // Which network a sysfs shows is decided by who mounts it.
  const mount = ['mount', '-t', 'sysfs', '-o', 'ro', 'sysfs', fs]
  await run('nsenter', [`--net=${namespaceFile(id)}`, ...mount])
  return { fs, dmi }
}

/** On EC2 it begins so. */
function uuidOf(id: string): string {
  const digits = `ec2${id.slice(2)}`.padEnd(32, '0')
  return [0, 8, 12, 16, 20]
    .map((at, index) => digits.slice(at, [8, 12, 16, 20, 32][index]))
    .join('-')
}
