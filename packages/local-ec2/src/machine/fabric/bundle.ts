import { words } from '../words.ts'
import type { FabricPlan } from './protocol.ts'
import { seccomp } from './seccomp.ts'

/** What a container runtime keeps by default, without MKNOD and NET_RAW: enough for sshd, sudo, apt and servers. */
const capabilities = words(`
  CHOWN DAC_OVERRIDE FSETID FOWNER SETGID SETUID SETPCAP SETFCAP
  NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE
`).map((name) => `CAP_${name}`)

/**
 * What an image's own boot asks for besides. The kernel grants them for what belongs to the machine's user
 * namespace: its network, and its own end.
 */
const ofImages = { 'cloud-init': ['CAP_NET_ADMIN'], systemd: ['CAP_NET_ADMIN', 'CAP_SYS_BOOT'] }

/** A directory of the base, seen through a layer of ours and written to in a place of the machine's own. */
export interface Overlay {
  /** Inside the machine. */
  path: string
  /** Topmost first. */
  lower: readonly string[]
  upper: string
  work: string
}

export interface BundleOptions {
  hostname: string
  /** The root directory, prepared. */
  root: string
  overlays: readonly Overlay[]
  /** What becomes its `/run`, prepared. */
  run: string
  /** A FIFO, or a terminal. */
  console: string
  /** A network namespace's file. */
  network: string
  /** The user namespace's that it belongs to, where that is not the fabric's, and what ids there are in it. */
  user?: { file: string; ids: (which: 'uid' | 'gid') => { first: number; size: number }[] }
  /** Inside a user namespace only `user.*` attributes can hold what overlayfs notes. */
  rootless: boolean
  /** Highest number of open files that may be asked for. */
  maxFiles: number
  init: FabricPlan['init']
  /** What an image's boot reads in `/sys`: a sysfs of the machine's network, and a directory of DMI data. */
  sys?: { fs: string; dmi: string }
  /** Where the cgroup namespace's root becomes the machine's; for systemd, which needs one of its own. */
  cgroup?: string
  /** Directories where the image expects a tmpfs, and may not mount it itself. */
  scratch?: readonly string[]
}

/** The OCI configuration of one machine. */
export function bundle(options: BundleOptions): object {
  const { hostname, root, overlays, run, console, network, rootless, maxFiles, init } = options
  const { sys, cgroup, user, scratch = [] } = options
  const granted = init === 'own' ? capabilities : [...capabilities, ...ofImages[init]]
  return {
    ociVersion: '1.0.2',
    hostname,
    root: { path: root, readonly: false },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args:
        init === 'systemd'
          ? ['/bin/sh', '-c', startSystemd, hostname]
          : ['/usr/lib/local-ec2/init', hostname],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'],
      cwd: '/',
      capabilities: { bounding: granted, effective: granted, permitted: granted },
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: Math.min(1024, maxFiles), hard: maxFiles },
        // The one limit with which the kernel starts no program outside; the seccomp filter keeps it.
        { type: 'RLIMIT_CORE', soft: 1, hard: 1 },
      ],
      // sudo needs them.
      noNewPrivileges: false,
    },
    mounts: [
      ...overlays.map(({ path, lower, upper, work }) => ({
        destination: path,
        type: 'overlay',
        source: 'overlay',
        options: [
          'nodev',
          `lowerdir=${lower.join(':')}`,
          `upperdir=${upper}`,
          `workdir=${work}`,
          ...(rootless ? ['userxattr'] : []),
        ],
      })),
      { destination: '/proc', type: 'proc', source: 'proc' },
      device('/dev', 'tmpfs', 'nosuid strictatime mode=755 size=65536k'),
      device('/dev/pts', 'devpts', 'nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5'),
      device('/dev/shm', 'tmpfs', 'nosuid nodev mode=1777'),
      // Debian's initramfs mounts it so, and a program that was put there does not start.
      {
        destination: '/run',
        source: run,
        options: words('bind nosuid nodev noexec'),
      },
      device('/dev/mqueue', 'mqueue', 'nosuid noexec nodev'),
      { destination: '/dev/console', type: 'bind', source: console, options: ['bind'] },
      ...(sys === undefined
        ? [device('/sys', 'sysfs', 'nosuid noexec nodev ro')]
        : [
            // A sysfs takes no directory of ours, and where the kernel has DMI data they are another computer's.
            device('/sys', 'tmpfs', 'nosuid noexec nodev mode=755'),
            ...sysDirectories.map((name) => seen(`/sys/${name}`, `${sys.fs}/${name}`)),
            seen('/sys/class/dmi', sys.dmi),
          ]),
      ...(cgroup === undefined
        ? []
        : [device('/sys/fs/cgroup', 'cgroup', 'nosuid noexec nodev relatime')]),
      ...scratch.map((path) => device(path, 'tmpfs', 'nosuid nodev mode=1777')),
    ],
    linux: {
      ...(cgroup !== undefined && { cgroupsPath: cgroup }),
      ...(user !== undefined && {
        uidMappings: user.ids('uid').map(sameId),
        gidMappings: user.ids('gid').map(sameId),
      }),
      namespaces: [
        ...(user === undefined ? [] : [{ type: 'user', path: user.file }]),
        ...(cgroup === undefined ? [] : [{ type: 'cgroup' }]),
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'network', path: network },
      ],
      // ping without NET_RAW
      sysctl: { 'net.ipv4.ping_group_range': '0 65535' },
      maskedPaths: words(`
        /proc/acpi /proc/asound /proc/interrupts /proc/kallsyms /proc/kcore /proc/key-users /proc/keys
        /proc/kmsg /proc/kpagecgroup /proc/kpagecount /proc/kpageflags /proc/latency_stats
        /proc/sched_debug /proc/scsi /proc/slabinfo /proc/timer_list /proc/timer_stats /proc/vmallocinfo
        /sys/firmware /sys/hypervisor /sys/devices/virtual/powercap
      `).concat(
        // Power-off of this computer, from a script that was written for a machine.
        '/proc/sysrq-trigger',
      ),
      readonlyPaths: words(
        '/proc/bus /proc/driver /proc/dynamic_debug /proc/fs /proc/irq /proc/mtrr /proc/sys',
      ),
      seccomp: seccomp(process.arch, { reboot: init === 'systemd' }),
    },
  }
}

// Without colours: its console is read as text. The environment is its own and does not reach its services.
const startSystemd = `echo "local-ec2: $0 boots"; unset HOME; TERM=dumb exec /sbin/init >/dev/null 2>&1`

const sysDirectories = words('block bus class/net dev devices kernel module')

const sameId = ({ first, size }: { first: number; size: number }): object => ({
  containerID: first,
  hostID: first,
  size,
})

/** Bound from outside, for reading. */
function seen(destination: string, source: string): object {
  return { destination, type: 'bind', source, options: words('rbind ro nosuid noexec nodev') }
}

function device(destination: string, type: string, options: string): object {
  return { destination, type, source: type, options: words(options) }
}
