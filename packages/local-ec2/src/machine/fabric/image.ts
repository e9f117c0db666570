/** A machine's files where they are those of an image: an unpacked Debian below, a few settings of ours above. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Contents } from './contents.ts'
import { Cover } from './cover.ts'
import { coverPrograms } from './layers.ts'
import type { BootOrder, FabricPlan } from './protocol.ts'
import { run } from './run.ts'

/**
 * @param root an unpacked Debian
 * @param directory what does not exist yet, on a file system of the fabric's own
 */
export function imageContents(root: string, plan: FabricPlan, directory: string): Contents {
  let layer: Promise<string> | undefined
  return {
    overlays: () => [],
    async make(disk, order) {
      layer ??= makeLayer(root, plan, directory).catch((error: unknown) => {
        // For the next machine to try again, from the beginning.
        layer = undefined
        rmSync(directory, { recursive: true, force: true })
        throw error
      })
      const lower = `${await layer}:${root}`
      const [upper, work, top] = [join(disk, 'upper'), join(disk, 'work'), join(disk, 'root')]
      for (const each of [upper, work, top]) mkdirSync(each, { mode: 0o755 })
      const options = `nodev,userxattr,lowerdir=${lower},upperdir=${upper},workdir=${work}`
      await run('mount', ['-t', 'overlay', '-o', options, 'overlay', top])
      personalize(top, order, plan.init)
    },
  }
}

/** What all machines of an image have above it. */
async function makeLayer(
  root: string,
  { init, guest }: FabricPlan,
  directory: string,
): Promise<string> {
  const layer = join(directory, 'layer')
  mkdirSync(layer, { recursive: true })
  const whiteout = join(directory, 'whiteout')
  await run('mknod', [whiteout, 'c', '0', '0'])
  const cover = new Cover(root, layer, whiteout)
  cover.write('/usr/bin/systemd-detect-virt', detectVirt, 0o755)
  cover.write('/etc/fstab', '', 0o644)
  // No machine has a way to a name server; a closed port fails at once where an absent one waits.
  cover.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n', 0o644)
  // As Debian's own images have it; cloud-init would choose a language that is not installed.
  cover.write('/etc/default/locale', 'LANG=C.UTF-8\n', 0o644)
  // As EC2's images have it: keys alone. cloud-init's own file, which `ssh_pwauth` makes, is read before it.
  cover.write('/etc/ssh/sshd_config.d/90-local-ec2.conf', 'PasswordAuthentication no\n', 0o644)
  if (init === 'systemd') {
    const units = '/etc/systemd/system'
    cover.write(`${units}/local-ec2.service`, saysFinished, 0o644)
    cover.link(`${units}/cloud-init.target.wants/local-ec2.service`, '../local-ec2.service')
  } else {
    coverPrograms(cover, guest, [])
    // What the image's systemd would start is not ours to start; what the machine enables is.
    cover.empty('/etc/systemd/system/multi-user.target.wants')
  }
  return layer
}

/** What an image does not hold, and what cloud-init cannot find out here. Before a process of the machine exists. */
function personalize(top: string, order: BootOrder, init: FabricPlan['init']): void {
  const { hostname, address, defaultUser, image } = order
  const write = (path: string, text: string): void => {
    rmSync(join(top, path), { force: true })
    writeFileSync(join(top, path), text)
  }
  write('etc/hostname', `${hostname}\n`)
  write('etc/hosts', `127.0.0.1 localhost\n::1 localhost\n${address} ${hostname}\n`)
  // Empty and not absent: systemd makes an id, and does not take this for the installation of a system.
  const machineId = init === 'systemd' ? '' : `${crypto.randomUUID().replaceAll('-', '')}\n`
  write('etc/machine-id', machineId)
  // Newer than /usr, or systemd would rebuild caches at each first boot.
  for (const name of ['etc/.updated', 'var/.updated']) write(name, '')
  write('etc/cloud/cloud.cfg.d/90_local-ec2.cfg', settings(defaultUser))
  if (image?.wrongHostKey === true) {
    mkdirSync(join(top, 'etc/systemd/system/ssh.service.d'), { recursive: true })
    write('etc/systemd/system/ssh.service.d/90-local-ec2.conf', foreignKey)
  }
}

// The network is there before the machine is, so there is no DHCP to ask, nor a need to.
const settings = (defaultUser: string): string => `datasource_list: [Ec2]
datasource:
  Ec2:
    metadata_urls: ['http://169.254.169.254']
    max_wait: 30
    timeout: 10
network:
  config: disabled
system_info:
  default_user:
    name: ${JSON.stringify(defaultUser)}
`

/**
 * A virtual machine of Amazon's, and not the container that this is: cloud-init would not read the DMI data in one,
 * and so not know that it is on EC2. systemd itself does not ask this program.
 */
const detectVirt = `#!/bin/sh
for word; do
  case $word in
  --container | -c) type=none ;;
  --quiet | -q) quiet=1 ;;
  --private-users | --chroot | -r) exit 1 ;;
  esac
done
[ -n "$quiet" ] || echo "\${type:-amazon}"
[ -z "$type" ]
`

const saysFinished = `[Unit]
Description=Tells the endpoint that cloud-init is done, well or not
After=cloud-final.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo "local-ec2: boot finished" >/dev/console'
`

const foreignKey = `[Service]
ExecStartPre=/bin/sh -c 'rm -f /etc/ssh/ssh_host_*'
ExecStartPre=/usr/bin/ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
`
