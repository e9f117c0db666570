/**
 * What a machine may not ask of the kernel it shares.
 *
 * Dropped capabilities already refuse most of this; the filter also closes what a user namespace would give
 * back (mounts, raw sockets) and what is not bound to a capability or a namespace at all.
 */

import { words } from '../words.ts'

const refused = [
  // Namespaces and mounts
  words(`
    unshare setns mount umount umount2 pivot_root open_tree move_mount fsopen fsconfig fsmount fspick
    mount_setattr open_by_handle_at quotactl quotactl_fd fanotify_init statmount listmount
  `),
  // The kernel itself
  words(`
    kexec_load kexec_file_load init_module finit_module delete_module create_module bpf perf_event_open
    userfaultfd syslog lookup_dcookie nfsservctl acct swapon swapoff iopl ioperm vhangup _sysctl
    sysfs uselib ustat
  `),
  // Its requests run in the kernel, where no filter sees them: any socket could be made by one.
  words('io_uring_setup io_uring_enter io_uring_register'),
  // Clocks
  words('settimeofday clock_settime clock_adjtime stime'),
  // Keyrings are not namespaced.
  words('keyctl add_key request_key'),
].flat()

const newUser = 0x10000000
const everyNamespace = [
  newUser,
  0x20000, // mount
  0x20000000, // pid
  0x40000000, // net
  0x4000000, // uts
  0x8000000, // ipc
  0x2000000, // cgroup
  0x80, // time
]

/** Unix, IPv4, IPv6, netlink and packet are namespaced; vsock reaches the hypervisor, AF_ALG the kernel's ciphers. */
const lastCommonFamily = 17
const rareFamilies = [3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15]

/**
 * Where core_pattern is a pipe, the kernel starts that program outside, as this computer's root, for every limit but 1
 * (0 is no exception); a machine begins with 1, and what would change it has no effect. That is no
 * error: not every program goes on after one.
 *
 * @see https://man7.org/linux/man-pages/man5/core.5.html
 */
const RLIMIT_CORE = 4
/** The kernel looks at the lower half of this argument alone, and so must the filter. */
const ofCores = (index: number): object => ({
  index,
  value: 0xffff_ffff,
  valueTwo: RLIMIT_CORE,
  op: 'SCMP_CMP_MASKED_EQ',
})

const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97

export interface Seccomp {
  defaultAction: string
  architectures: string[]
  syscalls: object[]
}

/**
 * `linux.seccomp` of the OCI configuration. Programs for another architecture (32-bit ones too) are killed.
 *
 * @param options `reboot`: whether reboot(2) is let through. In a pid namespace it ends the namespace's first process
 * and nothing else, and the capability for it must belong to a user namespace of the machine's
 */
export function seccomp(arch: NodeJS.Architecture, options: { reboot: boolean }): Seccomp {
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: [arch === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64'],
    syscalls: [
      refuse(options.reboot ? refused : [...refused, 'reboot'], EPERM),
      ...everyNamespace.map((flag) =>
        refuse(['clone'], EPERM, [
          { index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' },
        ]),
      ),
      // Its flags are behind a pointer, where a filter cannot look; without it libc falls back to clone.
      refuse(['clone3'], ENOSYS),
      refuse(['socket', 'socketpair'], EAFNOSUPPORT, [
        { index: 0, value: lastCommonFamily, op: 'SCMP_CMP_GT' },
      ]),
      ...rareFamilies.map((family) =>
        refuse(['socket', 'socketpair'], EAFNOSUPPORT, [
          { index: 0, value: family, op: 'SCMP_CMP_EQ' },
        ]),
      ),
      ignore(['setrlimit'], [ofCores(0)]),
      // Which also reads it, where no new one is given.
      ignore(['prlimit64'], [ofCores(1), { index: 2, value: 0, op: 'SCMP_CMP_NE' }]),
    ],
  }
}

function refuse(names: string[], errnoRet: number, args?: object[]): object {
  return { names, action: 'SCMP_ACT_ERRNO', errnoRet, ...(args && { args }) }
}

/** Does nothing, and says that it is done. */
function ignore(names: string[], args: object[]): object {
  return refuse(names, 0, args)
}
