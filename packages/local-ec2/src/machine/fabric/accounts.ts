/** The accounts of a machine: the system's own from the base, and the one that its image logs in with. */
export interface Accounts {
  passwd: string
  group: string
  shadow: string
  gshadow: string
}

const firstPerson = 1000
const nobody = 65534

/**
 * @param base the base's `/etc/passwd` and `/etc/group`; whoever is a person there does not exist in the machine
 * @param user name of the default user, who gets id 1000 and the groups that cloud images give
 */
export function accounts(base: { passwd: string; group: string }, user: string): Accounts {
  const passwd = lines(base.passwd).filter(
    (line) => isSystem(line, 2) && !line.startsWith(`${user}:`),
  )
  const rootless = passwd.filter((line) => !line.startsWith('root:'))
  const group = lines(base.group)
    .filter((line) => isSystem(line, 2) && !line.startsWith(`${user}:`))
    // Members are people of the base.
    .map((line) => line.split(':').slice(0, 3).concat('').join(':'))
    .map((line) => (/^(adm|sudo|wheel|systemd-journal):/.test(line) ? line + user : line))
  const people = [`root:x:0:0:root:/root:/bin/bash`, ...rootless]
  people.push(`${user}:x:${firstPerson}:${firstPerson}:${user}:/home/${user}:/bin/bash`)
  group.push(`${user}:x:${firstPerson}:`)
  return {
    passwd: text(people),
    group: text(group),
    // `*` and not `!`: no password opens it, and sshd does not call the account locked either.
    shadow: text(people.map((line) => `${name(line)}:*:19000:0:99999:7:::`)),
    gshadow: text(group.map((line) => `${name(line)}:*::${line.split(':')[3] ?? ''}`)),
  }
}

function isSystem(line: string, idColumn: number): boolean {
  const columns = line.split(':')
  const id = Number(columns[idColumn])
  return columns.length > 3 && Number.isInteger(id) && (id < firstPerson || id === nobody)
}

const lines = (file: string): string[] => file.split('\n').filter((line) => line !== '')
const text = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')
const name = (line: string): string => line.slice(0, line.indexOf(':'))
