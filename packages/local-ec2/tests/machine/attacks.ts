/** What root inside a machine asks of the kernel and must not get, as scripts that print one line for each. */

const [EPERM, EINVAL, ENOSYS, EAFNOSUPPORT] = [1, 22, 38, 97]

export const mounts: readonly string[] = [
  'mount -t proc proc /mnt',
  'mount -t tmpfs tmpfs /mnt',
  'mount -t sysfs sysfs /mnt',
  'mount -t devtmpfs dev /mnt',
  'mount -t cgroup2 cgroup /mnt',
  'mount -t overlay -o lowerdir=/usr:/etc overlay /mnt',
  'mount --bind /usr /mnt',
  'mount -o remount,rw /proc/sys',
  'umount /proc/sys',
  'umount /etc',
]

export const settings: readonly string[] = [
  '/proc/sys/kernel/core_pattern',
  '/proc/sys/kernel/hostname',
  '/proc/sys/vm/drop_caches',
  '/proc/sys/net/ipv4/ip_forward',
  '/proc/irq/default_smp_affinity',
  '/sys/power/state',
  '/sys/kernel/mm/transparent_hugepage/enabled',
  '/sys/block/vda/queue/scheduler',
]

/** Numbers of x86-64 and arm64; `$b` is a buffer of zeros. */
const calls: readonly (readonly [
  what: string,
  x64: number,
  arm64: number,
  args: string,
  number,
])[] = [
  ['reboot', 169, 142, '0xfee1dead, 672274793, 0, 0', EPERM],
  ['kexec_load', 246, 104, '0, 0, 0, 0', EPERM],
  ['kexec_file_load', 320, 294, '-1, -1, 0, $b, 0', EPERM],
  ['init_module', 175, 105, '$b, 0, $b', EPERM],
  ['bpf', 321, 280, '0, $b, 0', EPERM],
  ['perf_event_open', 298, 241, '$b, 0, -1, -1, 0', EPERM],
  ['keyctl', 250, 219, '0, -3, 0', EPERM],
  ['syslog', 103, 116, '10, 0, 0', EPERM],
  ['swapon', 167, 224, '$b, 0', EPERM],
  ['settimeofday', 164, 170, '0, 0', EPERM],
  ['clock_settime', 227, 112, '0, 0', EPERM],
  ['unshare of a user namespace', 272, 97, '0x10000000', EPERM],
  ['setns', 308, 268, '0, 0', EPERM],
  ['clone of a user namespace', 56, 220, '0x10000011, 0, 0, 0, 0', EPERM],
  ['clone of a mount namespace', 56, 220, '0x20011, 0, 0, 0, 0', EPERM],
  ['clone3', 435, 435, '$b, 0', ENOSYS],
  ['open_tree', 428, 428, '-100, $b, 1', EPERM],
  ['open_by_handle_at', 304, 265, '-1, $b, 0', EPERM],
  // Its requests do not pass the filter: one of them makes sockets of any family.
  ['io_uring_setup', 425, 425, '1, $b', EPERM],
  ['io_uring_enter', 426, 426, '-1, 0, 0, 0, 0, 0', EPERM],
  ['io_uring_register', 427, 427, '-1, 0, 0, 0', EPERM],
  ['a packet socket', 41, 198, '17, 3, 0', EPERM],
  ['a raw socket', 41, 198, '2, 3, 1', EPERM],
  ['a socket to the hypervisor', 41, 198, '40, 1, 0', EAFNOSUPPORT],
  ["a socket to the kernel's ciphers", 41, 198, '38, 5, 0', EAFNOSUPPORT],
]

/** Prints the exit code of each of `mounts`. */
export const mountScript: string = mounts
  .map((command) => `${command} 2>/dev/null; echo $?`)
  .join('\n')

/** Prints whether each of `settings` could be written, as an exit code. */
export const settingScript: string = settings
  .map((path) => `(echo 1 >${path}) 2>/dev/null; echo $?`)
  .join('\n')

/** What each call is, and the error number that it must get. */
export function refusedCalls(options: { mayReboot: boolean }): (readonly [string, number])[] {
  return calls.map(([what, , , , expected]) =>
    // Who may end his pid namespace: Ctrl-Alt-Del is no command there.
    what === 'reboot' && options.mayReboot ? [what, EINVAL] : [what, expected],
  )
}

/** Prints the error number of each call; 0 for one that succeeded. */
export function callScript(): string {
  const lines = calls.map(([, x64, arm64, args]) => {
    const number = process.arch === 'arm64' ? arm64 : x64
    return `print((syscall(${number}, ${args}) < 0 ? $!+0 : 0), "\\n");`
  })
  return `perl - <<'E'\n$b = "\\0" x 256;\n${lines.join('\n')}\nE\n`
}

/**
 * Tries to change the limit of core files in each way there is; prints what each call returned, what the limit is then,
 * and another limit that was changed.
 */
export function coreLimitScript(): string {
  const [set, change] = process.arch === 'arm64' ? [164, 261] : [160, 302]
  // The kernel looks at the lower half of a limit's number alone.
  const ways = [4, 2 ** 32 + 4].map(
    (core) => `[${set}, ${core}, $none], [${change}, 0, ${core}, $none, 0]`,
  )
  return `perl - <<'E'
$none = pack("QQ", 0, 0);
print join(" ", map { syscall(shift @$_, @$_) } ${ways.join(', ')}), "\\n";
open(L, "/proc/self/limits"); print grep(/core file/, <L>);
E
(ulimit -c 0; grep 'core file' /proc/self/limits; ulimit -n 99; ulimit -n)
`
}

/** What it prints, without the spaces of a table, where no crash makes the kernel start a program outside. */
export const coreLimits: string = `0 0 0 0\n${'Max core file size 1 1 bytes \n'.repeat(2)}99`
