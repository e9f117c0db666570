/** User-data as a demanding user writes it, and what must be true of a machine that was launched with it. */
import { once } from 'node:events'

import type { UserPart } from '../src/boot/user-parts.ts'
import type { Fleet } from '../src/fleet.ts'
import { attachInstance, type Instance, sshTarget } from '../src/instance.ts'
import { privateText, publicLine } from '../src/keys/openssh.ts'
import { generateKeyPair } from '../src/keys/pair.ts'
import { login as loginOnce } from '../src/ssh/login.ts'
import { type as anyType } from './local.ts'

const own = generateKeyPair()
const other = generateKeyPair()

/** Their names sort as their numbers do only while they have the same width. */
const count = 12
const scripts = Array.from(
  { length: count },
  (_, index) => `#!/bin/bash
echo 'script ${index + 1}' >>/root/order
${index === 0 ? 'exec 3<>/dev/tcp/127.0.0.1/22; read -r -t 5 banner <&3; echo "${banner:0:8}" >/root/banner' : ''}
${index === 3 ? 'exit 3' : ''}
${index === 5 ? 'kill -9 $$' : ''}
`,
)

const parts: readonly UserPart[] = [
  `#cloud-boothook
#!/bin/sh
dd if=/dev/null of=/run/benchaway/beat oflag=nonblock conv=notrunc && echo 'armed before boothook' >>/root/order
exit 1
`,
  `#cloud-config
# Each of these lists replaces that of an earlier part, and would be replaced by that of a later one.
users:
- name: bench
  shell: /bin/bash
  groups: [adm, users]
  sudo: ALL=(ALL) NOPASSWD:/usr/bin/id
  ssh_authorized_keys: ["${publicLine(other.publicKey, 'other')}"]
ssh_authorized_keys: ["${publicLine(own.publicKey, 'own')}"]
bootcmd:
- echo bootcmd >>/root/order
write_files:
- path: /etc/benchaway-test
  content: "grüße\\n"
  owner: root:adm
  permissions: '0640'
runcmd:
- echo runcmd >>/root/order
- [touch, /run/user-parts-done]
`,
  ...scripts.slice(0, 6),
  '#cloud-config\nwrite_files: [\n',
  new TextEncoder().encode("#!/bin/sh\r\necho 'größer' >/root/bytes\r\n"),
  ...scripts.slice(6),
]

interface Seen {
  readonly order: readonly string[]
  readonly banner: string
  readonly bytes: string
  readonly file: string
  readonly logins: readonly string[]
  readonly refused: readonly unknown[]
}

/** What must be seen of a machine that was launched with them. */
export const wanted: Seen = {
  order: [
    'armed before boothook',
    'bootcmd',
    ...scripts.map((_, index) => `script ${index + 1}`),
    'runcmd',
  ],
  banner: 'SSH-2.0-\n',
  bytes: 'größer\n',
  file: 'root:adm 640\ngrüße\n',
  logins: [
    'admin\nroot\n',
    'admin\n',
    'bench\nbench adm users\n/bin/bash\nroot\n',
    'Please login as the user "admin" rather than the user "root".\n',
  ],
  refused: ['COMMAND_FAILED', 'SSH_REFUSED'],
}

/** Launches a machine with these parts and looks at everything that was asked for, and whether we still own it. */
export async function seenOn(fleet: Fleet, image: string): Promise<Seen> {
  const instance = await fleet.launch({ type: anyType, image, userData: parts })
  const done = 'until [ -e /run/user-parts-done ]; do sleep 0.02; done'
  await instance.exec(done, { timeoutMs: 60_000 })
  const asRoot = async (line: string): Promise<string> =>
    (await instance.exec(['sudo', '-n', 'sh', '-c', line])).stdout
  return {
    order: (await asRoot('cat /root/order')).trim().split('\n'),
    banner: await asRoot('cat /root/banner'),
    bytes: await asRoot('cat /root/bytes'),
    file: await asRoot('stat -c "%U:%G %a" /etc/benchaway-test; cat /etc/benchaway-test'),
    ...(await loginsOf(instance)),
  }
}

async function loginsOf(instance: Instance): Promise<Pick<Seen, 'logins' | 'refused'>> {
  const access = instance.access()
  const login = (user: string, clientKey = access.clientKey): Promise<Instance> =>
    attachInstance({ ...access, user, clientKey }, async () => undefined)
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: { code?: unknown }) => error.code,
    )
  const [asAdmin, asBench, asRoot] = await Promise.all([
    login('admin', privateText(own, '')),
    login('bench', privateText(other, '')),
    login('root'),
  ])
  // Tried again, as `attachInstance()` does, it could come to where sshd shuts us out.
  const options = { timeoutMs: 20_000, keepaliveMs: 0 }
  const refusedLogin = codeOf(loginOnce(sshTarget({ ...access, user: 'bench' }), options))
  const refusal = await asRoot.open('id -un')
  const [words] = await once(refusal.stdout, 'data')
  const seen = {
    logins: [
      (await instance.exec('id -un; sudo -n id -un')).stdout,
      (await asAdmin.exec('id -un')).stdout,
      (await asBench.exec('id -un; id -Gn; echo $SHELL; sudo -n id -un')).stdout,
      // An empty line follows, now or later.
      String(words).replace(/\n+$/, '\n'),
    ],
    refused: [await codeOf(asBench.exec('sudo -n true')), await refusedLogin],
  }
  for (const one of [asAdmin, asBench, asRoot]) one.disconnect()
  return seen
}
