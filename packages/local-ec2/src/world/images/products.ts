/** Which images there are: owners, names and builds of public images of us-east-1; some builds were seen for one architecture only. */
import type { Product } from './product.ts'

const twoYears = 730

const debian = {
  ownerId: '136693071363',
  rootDevice: '/dev/xvda',
  rootSizeGib: 8,
  rootVolumeType: 'gp3',
  ephemeralDevices: [],
  defaultUser: 'admin',
  freeTier: true,
  lifeDays: twoYears,
  architectures: { x86_64: 'amd64', arm64: 'arm64' },
} as const

function debianRelease(release: '12' | '13', codename: string, builds: readonly string[]): Product {
  return {
    ...debian,
    system: `debian-${release}`,
    builds,
    name: (architecture, build) => `debian-${release}-${architecture}-${build}`,
    description: (_, build) => `Debian ${release} (${build})`,
    parameters: (architecture) =>
      [release, codename].map(
        (name) => `/aws/service/debian/release/${name}/latest/${architecture}`,
      ),
  }
}

/** With the kernel of the release after it, and so near in name that a careless pattern finds it. */
function debianBackports(release: '12' | '13', builds: readonly string[]): Product {
  return {
    ...debian,
    // A kernel of their own is all that sets them apart, and here there is one for all.
    system: `debian-${release}`,
    builds,
    name: (architecture, build) => `debian-${release}-backports-${architecture}-${build}`,
    description: (_, build) => `Debian ${release} with backports kernel (${build})`,
    parameters: () => [],
  }
}

const ubuntu = {
  ownerId: '099720109477',
  rootDevice: '/dev/sda1',
  rootSizeGib: 8,
  ephemeralDevices: ['/dev/sdb', '/dev/sdc'],
  defaultUser: 'ubuntu',
  freeTier: true,
  lifeDays: twoYears,
  architectures: { x86_64: 'amd64', arm64: 'arm64' },
} as const

function ubuntuParameters(
  path: string,
  names: readonly string[],
): (architecture: string) => readonly string[] {
  const root = '/aws/service/canonical/ubuntu'
  const [product, volume] = path.split(' ')
  return (architecture) =>
    names.map(
      (name) => `${root}/${product}/${name}/stable/current/${architecture}/hvm/${volume}/ami-id`,
    )
}

const jammy: Product = {
  ...ubuntu,
  rootVolumeType: 'gp2',
  builds: ['20231207', '20251015', '20260731'],
  name: (architecture, build) =>
    `ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-${architecture}-server-${build}`,
  description: (architecture) => `Canonical, Ubuntu, 22.04, ${architecture} jammy image`,
  parameters: ubuntuParameters('server ebs-gp2', ['22.04', 'jammy']),
}

const noble: Product = {
  ...ubuntu,
  rootVolumeType: 'gp3',
  imdsSupport: 'v2.0',
  builds: ['20240423', '20251022', '20260714', '20260923'],
  name: (architecture, build) =>
    `ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-${architecture}-server-${build}`,
  description: (architecture) => `Canonical, Ubuntu, 24.04, ${architecture} noble image`,
  parameters: ubuntuParameters('server ebs-gp3', ['24.04', 'noble']),
}

const nobleMinimal: Product = {
  ...noble,
  builds: ['20251204', '20260313'],
  name: (architecture, build) =>
    `ubuntu-minimal/images/hvm-ssd-gp3/ubuntu-noble-24.04-${architecture}-minimal-${build}`,
  description: (architecture) => `Canonical, Ubuntu Minimal, 24.04, ${architecture} noble image`,
  parameters: ubuntuParameters('server-minimal ebs-gp3', ['24.04', 'noble']),
}

/** @param kernels names of it in parameters: its version, and `default` for one of them */
function amazonLinux(
  kernels: readonly [version: string, ...string[]],
  builds: string[],
): Product[] {
  const [kernel] = kernels
  const common = {
    ownerId: '137112412989',
    rootDevice: '/dev/xvda',
    rootVolumeType: 'gp3',
    rootPerformance: { iops: 3000, throughput: 125 },
    ephemeralDevices: [],
    defaultUser: 'ec2-user',
    imdsSupport: 'v2.0',
    freeTier: true,
    lifeDays: 90,
    architectures: { x86_64: 'x86_64', arm64: 'arm64' },
    builds,
  } as const
  return [
    { infix: '', word: '', rootSizeGib: 8 },
    { infix: 'minimal-', word: 'Minimal ', rootSizeGib: 2 },
  ].map(({ infix, word, rootSizeGib }) => ({
    ...common,
    rootSizeGib,
    name: (architecture, build) => `al2023-ami-${infix}${build}-kernel-${kernel}-${architecture}`,
    description: (architecture, build) =>
      `Amazon Linux 2023 AMI ${build} ${architecture} ${word}HVM kernel-${kernel}`,
    parameters: (architecture) =>
      kernels.map(
        (name) =>
          `/aws/service/ami-amazon-linux-latest/al2023-ami-${infix}kernel-${name}-${architecture}`,
      ),
  }))
}

export const products: readonly Product[] = [
  debianRelease('12', 'bookworm', [
    '20230711-1438',
    '20250814-2204',
    '20251006-2257',
    '20261006-2623',
  ]),
  debianRelease('13', 'trixie', ['20250814-2204', '20251117-2299', '20260914-2601']),
  debianBackports('12', ['20260821-2577']),
  debianBackports('13', ['20260914-2601']),
  jammy,
  noble,
  nobleMinimal,
  ...amazonLinux(['6.1'], ['2023.9.20251117.1', '2023.12.20260727.0', '2023.12.20260930.0']),
  ...amazonLinux(['6.12'], ['2023.12.20260727.0', '2023.12.20260930.0']),
  ...amazonLinux(['6.18', 'default'], ['2023.12.20260727.0', '2023.12.20260930.0']),
]
