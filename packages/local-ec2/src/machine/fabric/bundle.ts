import { words } from '../words.ts'
import { seccomp } from './seccomp.ts'

/** What a container runtime keeps by default, without MKNOD and NET_RAW: enough for sshd, sudo, apt and servers. */
const capabilities = words(`
  CHOWN DAC_OVERRIDE FSETID FOWNER SETGID SETUID SETPCAP SETFCAP
  NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE
`).map((name) => `CAP_${name}`)

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
  /** A FIFO. */
  console: string
  /** A network namespace's file. */
  network: string
  /** Inside a user namespace only `user.*` attributes can hold what overlayfs notes. */
  rootless: boolean
  /** Highest number of open files that may be asked for. */
  maxFiles: number
}

/** The OCI configuration of one machine. */
export function bundle(options: BundleOptions): object {
  const { hostname, root, overlays, run, console, network, rootless, maxFiles } = options
  return {
    ociVersion: '1.0.2',
    hostname,
    root: { path: root, readonly: false },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ['/usr/lib/local-ec2/init', hostname],
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: Math.min(1024, maxFiles), hard: maxFiles },
        // Where core_pattern is a pipe, the kernel would start that program outside, except for a limit of 1.
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
      device('/sys', 'sysfs', 'nosuid noexec nodev ro'),
    ],
    linux: {
      namespaces: [
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
      readonlyPaths: words('/proc/bus /proc/fs /proc/irq /proc/sys'),
      seccomp: seccomp(process.arch),
    },
  }
}

function device(destination: string, type: string, options: string): object {
  return { destination, type, source: type, options: words(options) }
}
