import { DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2'

import { type ImageName, imageNames } from '../check-options.ts'
import { BenchawayError } from '../errors.ts'
import { awsCode, call } from './call.ts'
import type { Clients } from './clients.ts'
import type { Arch } from './instance-type.ts'

interface Distribution {
  /** The account that publishes it. */
  readonly owner: string
  readonly pattern: string
  /** Names of the architectures inside `pattern`. */
  readonly arch: Readonly<Record<Arch, string>>
  /** The account that cloud-init makes and gives our key to. */
  readonly user: string
}

const debian = { owner: '136693071363', arch: { x64: 'amd64', arm64: 'arm64' }, user: 'admin' }

/**
 * Images by name, the newest one of each.
 *
 * @see https://wiki.debian.org/Cloud/AmazonEC2Image for Debian's account
 * @see https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/ for Canonical's
 */
const distributions: Readonly<Record<ImageName, Distribution>> = {
  'debian-12': { ...debian, pattern: 'debian-12-ARCH-2*' },
  'debian-13': { ...debian, pattern: 'debian-13-ARCH-2*' },
  'ubuntu-24.04': {
    owner: '099720109477',
    pattern: 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-ARCH-server-2*',
    arch: { x64: 'amd64', arm64: 'arm64' },
    user: 'ubuntu',
  },
  'amazon-linux-2023': {
    owner: '137112412989',
    pattern: 'al2023-ami-2023.*-kernel-6.1-ARCH',
    arch: { x64: 'x86_64', arm64: 'arm64' },
    user: 'ec2-user',
  },
}

export interface FoundImage {
  readonly id: string
  readonly name: string
  readonly arch: Arch
  /** Which device name a mapping of the root volume must carry. */
  readonly rootDevice: string
  /** The same of each volume that it brings besides. */
  readonly otherDevices: readonly string[]
  readonly user: string
}

/**
 * @param image a name of `imageNames`, or an id such as `ami-0123456789abcdef0`, which needs `user`
 * @throws {BenchawayError} `IMAGE_NOT_FOUND`
 */
export async function findImage(
  clients: Clients,
  image: string,
  arch: Arch,
  user: string | undefined,
): Promise<FoundImage> {
  const name = imageNames.find((known) => known === image)
  const distribution = name && distributions[name]
  const architecture = { Name: 'architecture', Values: [arch === 'x64' ? 'x86_64' : 'arm64'] }
  const answer = await call('DescribeImages', clients, () =>
    clients.ec2.send(
      new DescribeImagesCommand(
        distribution === undefined
          ? { ImageIds: [image], Filters: [architecture] }
          : {
              Owners: [distribution.owner],
              Filters: [
                {
                  Name: 'name',
                  Values: [distribution.pattern.replace('ARCH', distribution.arch[arch])],
                },
                architecture,
                { Name: 'state', Values: ['available'] },
              ],
            },
      ),
    ),
  ).catch((error: unknown) => {
    if (awsCode(error)?.startsWith('InvalidAMIID')) return { Images: [] }
    throw error
  })
  const newest = (answer.Images ?? []).toSorted(byCreation).at(-1)
  const login = user ?? distribution?.user
  if (newest?.ImageId === undefined || newest.RootDeviceName === undefined || login === undefined) {
    throw new BenchawayError(
      'IMAGE_NOT_FOUND',
      `${clients.region} has no image '${image}' for ${arch}`,
      { hint: `Use one of ${imageNames.join(', ')}, or the id of an image of that region.` },
    )
  }
  return {
    id: newest.ImageId,
    name: newest.Name ?? newest.ImageId,
    arch,
    rootDevice: newest.RootDeviceName,
    otherDevices: (newest.BlockDeviceMappings ?? []).flatMap(
      ({ DeviceName: device, Ebs: volume }) =>
        volume === undefined || device === undefined || device === newest.RootDeviceName
          ? []
          : [device],
    ),
    user: login,
  }
}

function byCreation(a: Image, b: Image): number {
  return (a.CreationDate ?? '') < (b.CreationDate ?? '') ? -1 : 1
}
