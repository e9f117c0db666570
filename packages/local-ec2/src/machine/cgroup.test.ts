import { expect, test } from 'vitest'

import { cgroupPath } from './cgroup.ts'

const mount = (root: string, place: string, type = 'cgroup2'): string =>
  `41 31 0:38 ${root} ${place} rw,relatime shared:9 - ${type} cgroup rw\n`

test.each([
  ['/', '/sys/fs/cgroup', '/', '/sys/fs/cgroup'],
  ['/', '/sys/fs/cgroup', '/user.slice/a', '/sys/fs/cgroup/user.slice/a'],
  ['/docker/1', '/sys/fs/cgroup', '/docker/1', '/sys/fs/cgroup'],
  ['/docker/1', '/sys/fs/cgroup', '/docker/1/init', '/sys/fs/cgroup/init'],
  ['/docker/1', '/sys/fs/cgroup', '/docker/10', undefined],
  ['/docker/1', '/sys/fs/cgroup', '/', undefined],
])('of a mount that begins at %s, on %s, the cgroup %s is at %s', (root, place, own, expected) => {
  const mounts = `${mount('/', '/sys/fs/cgroup/cpu', 'cgroup')}${mount(root, place)}`
  expect(cgroupPath(mounts, `4:memory:/somewhere\n0::${own}\n`)).toBe(expected)
})

test('of several mounts one that shows it is taken', () => {
  const mounts = mount('/other', '/other') + mount('/', '/sys/fs/cgroup/unified')
  expect(cgroupPath(mounts, '0::/own\n')).toBe('/sys/fs/cgroup/unified/own')
})
