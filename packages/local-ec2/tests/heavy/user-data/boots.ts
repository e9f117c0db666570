/** What machines are booted with to see what becomes of it: independent things share a boot. */
import { mime } from '../../machine/bench-kit.ts'
import type { Material } from './material.ts'

export interface BootCase {
  userData: string
  /** Who can log in afterwards. @default 'admin' */
  account?: string
  /** Whether it is rebooted and looked at again. */
  again?: boolean
}

const block = (text: string, indent: number): string =>
  text.trimEnd().replaceAll(/^/gm, ' '.repeat(indent))

/** What a part sees when it runs, and which one it is. */
const report = (name: string): string => `{
  echo ${name} >>/opt/order
  mkdir -p /opt/seen
  exec 4>/opt/seen/${name}
  echo "uid $(id -u), umask $(umask), in $PWD, stdin $(readlink /proc/self/fd/0)" >&4
  for word in HOME INSTANCE_ID LANG; do echo "$word $(printenv $word || echo unset)" >&4; done
  echo "sshd $(pgrep -x sshd >/dev/null && echo runs || echo does not run)" >&4
  for path in /home/admin /home/admin/.ssh/authorized_keys /opt/early /opt/late /opt/eve; do
    [ ! -e $path ] || echo "sees $path" >&4
  done
}
`

const script = (name: string, more = ''): string => `#!/bin/bash\n${report(name)}${more}`

/** Without what takes a second, and is not in question. */
const quick = `#cloud-config
ssh_genkeytypes: [ed25519]
locale: false
`

/** What all of them are compared with. */
export const nothing: BootCase = { userData: quick }

export function boots(material: Material): Record<string, BootCase> {
  const { login, rsa, ecdsa, ed25519, certificate } = material
  return {
    'parts of every type': {
      again: true,
      userData: mime(
        ['text/x-shellscript; name="unused"', script('00-script')],
        ['text/cloud-boothook', `#cloud-boothook\n${script('boothook')}`],
        ['text/x-shellscript', script('02-fails', 'exit 3\n')],
        ['text/x-shellscript', 'echo 03-no-interpreter >>/opt/order\n'],
        ['text/x-shellscript', '#!/no/such/interpreter\n'],
        ['text/x-shellscript-per-boot', script('per-boot')],
        ['text/x-shellscript-per-instance', script('per-instance')],
        ['text/x-shellscript-per-once', script('per-once')],
        ['text/cloud-boothook', '#cloud-boothook\n#!/bin/sh\nexit 1\n'],
        ['text/cloud-boothook', 'echo no interpreter >>/opt/order\n'],
        ['text/unknown', script('unknown')],
        [
          'text/cloud-config',
          `${quick}bootcmd:
  - |
${block(report('bootcmd'), 4)}
  - exit 5
runcmd:
  - |
${block(report('runcmd'), 4)}
  - exit 6
write_files:
  - {path: /opt/early, content: early}
  - {path: /opt/late, content: late, defer: true}
users: [default, {name: eve, homedir: /opt/eve}]
`,
        ],
        ['text/x-shellscript', script('90-script')],
      ),
    },

    'files and accounts': {
      account: 'eve',
      userData: `${quick}write_files:
  - {path: /opt/f/plain, content: "a\\n"}
  - {path: /opt/f/empty}
  - {path: /opt/f/string, content: x, permissions: "0640"}
  - {path: /opt/f/octal, content: x, permissions: 0640}
  - {path: /opt/f/python, content: x, permissions: "0o750"}
  - {path: /opt/f/yaml-1-2, content: x, permissions: 0o750}
  - {path: /opt/f/decimal, content: x, permissions: 640}
  - {path: /opt/f/sticky, content: x, permissions: "4755"}
  - {path: /opt/f/nonsense, content: x, permissions: rw-r--r--}
  - {path: /opt/f/none, content: x, permissions: "000"}
  - {path: /opt/f/owner, content: x, owner: "daemon:mail"}
  - {path: /opt/f/owner-alone, content: x, owner: daemon}
  - {path: /opt/f/group-alone, content: x, owner: ":mail"}
  - {path: /opt/deep/er/than/it/was, content: x, owner: "daemon:mail"}
  - {path: /opt/f/base64, content: aGkK, encoding: b64}
  - {path: /opt/f/base64-long, content: aGkK, encoding: BASE64}
  - {path: /opt/f/gz, content: !!binary H4sIAAAAAAAAA8vI5AIAevNt3gMAAAA=, encoding: gz}
  - {path: /opt/f/gz-base64, content: H4sIAAAAAAAAA8vI5AIAevNt3gMAAAA=, encoding: gz+b64}
  - {path: /opt/f/text-plain, content: x, encoding: text/plain}
  - {path: /opt/f/unknown-encoding, content: x, encoding: rot13}
  - {path: /opt/f/binary, content: !!binary AAEC/w==}
  - {path: /opt/f/umlaut, content: "ö →"}
  - {path: /opt/f/appended, content: "one\\n", append: true}
  - {path: /opt/f/appended, content: "two\\n", append: "yes"}
  - {path: /opt/f/twice, content: "one", permissions: "0600", owner: "daemon:daemon"}
  - {path: /opt/f/twice, content: "two"}
  - {path: opt/f/relative, content: x}
  - {path: /opt/f/../f/./dots, content: x}
  - {path: "/opt/f/with space and 'quote' and $(x)", content: x}
  - {path: /opt/f/late, content: "$(id)\\n", defer: true, owner: "admin:admin"}
  - {path: /opt/f/late-text, content: x, defer: "true"}
  - {path: /opt/f/not-late, content: x, defer: "maybe"}
  - {path: /etc/motd, content: "hello\\n", permissions: "0600"}
  - {path: /etc/issue, append: true, content: "more\\n"}
  - {path: /usr/local/bin/tool, content: "#!/bin/sh\\n", permissions: "0755"}
  - {content: no path}
  - {path: /opt/f/last, content: x}
runcmd:
  - echo "a  b" 'c' \\$HOME >>/opt/ran
  - [sh, -c, 'printf "%s|" "$@" >>/opt/ran', x, "it's", 'say "hi"', $HOME, 5, 0644, 1.5, true, no, null, 2001-01-01, "a  b"]
  - null
  - [echo, "new\\nline"]
  - |
    cat <<EOF >>/opt/ran
    here
    EOF
  - false
  - echo last >>/opt/ran
bootcmd:
  - [cloud-init-per, once, x, "true"]
  - echo $INSTANCE_ID >>/opt/boot
  - [sh, -c, echo list >>/opt/boot]
timezone: Europe/Berlin
final_message: done after $UPTIME
hostname: short.example.com
package_update: false
ssh_pwauth: true
manage_etc_hosts: true
packages: []
groups: [crew, {staff-of-eve: [root, nobody-there]}]
users:
  - default
  - name: eve
    gecos: Eve, of course
    shell: /bin/bash
    groups: "adm, crew , brand-new"
    sudo: ALL=(ALL) NOPASSWD:ALL
    ssh_authorized_keys: [${login} eve]
    lock_passwd: true
  - name: lister
    groups: [users, other-new]
    primary_group: crew
    sudo: ["ALL=(root) /bin/true", "ALL=(root) /bin/false"]
    ssh_authorized_keys: ${login} text
  - {name: uid, uid: 2345, homedir: /srv/uid, sudo: null, ssh_authorized_keys: []}
  - {name: uid-text, uid: "2346", no_user_group: true, primary_group: users, sudo: false}
  - {name: daemonic, system: true, shell: /usr/sbin/nologin, sudo: ""}
  - {name: homeless, no_create_home: true}
  - {name: open, lock_passwd: false}
  - {name: hashed, lock_passwd: false, passwd: "$6$given$hash"}
  - {name: locked, passwd: "$6$given$hash"}
  - {name: newer, lock_passwd: false, hashed_passwd: "$6$given$hash"}
  - {name: expired, expiredate: "2030-01-02", inactive: "5"}
  - {name: dotted.name}
  - {name: Capital}
  - {name: under_score-}
  - {name: root, ssh_authorized_keys: [${ed25519.public} root]}
  - plain
  - two,three
  - {ssh-authorized-keys: [ignored], name: dashes, no-user-group: true}
ssh_authorized_keys:
  - ${login} again
  - from="10.0.0.0/8",no-pty ${ed25519.public} restricted
  - not a key
  - "# comment"
  - "  ${rsa.public}   spaces  "
disable_root_opts: command="echo not $DISABLE_USER but $USER"
`,
    },

    'without the default user': {
      account: 'eve',
      userData: `#cloud-config
users: [{name: eve, sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: [${login}]}]
ssh_authorized_keys: [${ed25519.public} extra]
fqdn: host.example.com
preserve_hostname: "yes"
allow_public_ssh_keys: false
ssh_genkeytypes: [ecdsa, ed25519]
locale: false
write_files:
  - {path: /opt/odd-base64, content: "a-G k=", encoding: b64}
  - {path: /opt/no-base64, content: aGk, encoding: b64}
  - {path: /opt/after-it, content: x}
`,
    },

    'host keys, and no user': {
      account: 'root',
      userData: `#cloud-config
users: []
disable_root: "no"
chpasswd: {expire: false, users: [{name: root, password: x, type: text}]}
fqdn: host.example.com
prefer_fqdn_over_hostname: on
locale: false
ssh_keys:
  ed25519_private: |
${block(ed25519.private, 4)}
  ed25519_certificate: ${certificate}
  ecdsa_private: |
${block(ecdsa.private, 4)}
  ecdsa_public: ${ecdsa.public} given
  rsa_public: ${rsa.public} given
  dsa_x: nonsense
`,
    },

    'what fails': {
      account: 'before',
      userData: `${quick}bootcmd: [echo first >>/opt/boot, 5]
runcmd: ["echo first >>/opt/ran", {echo a: b}]
write_files:
  - {path: /opt/before, content: x}
  - {path: /etc/ssh, content: over a directory}
  - {path: /opt/after, content: x}
  - {path: /opt/late-before, content: x, defer: true}
  - {path: /opt/late-owner, content: x, defer: true, owner: "nobody-there:root"}
  - {path: /opt/late-after, content: x, defer: true}
users:
  - default
  - {name: before, groups: [adm], sudo: "ALL=(ALL) NOPASSWD:ALL", ssh_authorized_keys: [${login}]}
  - {name: "a b"}
  - {name: after}
ssh_deletekeys: false
disable_root: maybe
timezone: Nowhere/Land
`,
    },
  }
}

const noKey = { private: '', public: '' }

export const bootNames: readonly string[] = Object.keys(
  boots({ login: '', rsa: noKey, ecdsa: noKey, ed25519: noKey, certificate: '' }),
)
