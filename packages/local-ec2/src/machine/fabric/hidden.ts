import { words } from '../words.ts'

/**
 * What of the base's `/etc` no machine may see, besides every file there that not everyone may read.
 *
 * A machine gets its own version of some of these; the rest holds keys and passwords on computers that
 * somebody works on, often readable by all, or would make the machine take part in the base's networks.
 */
export const hiddenInEtc: readonly string[] = [
  // Accounts and identity
  words(`
    .pwd.lock passwd passwd- group group- shadow shadow- gshadow gshadow- subuid subuid- subgid subgid-
    sudoers doas.conf security/opasswd machine-id hostname hosts resolv.conf fstab crypttab environment
    motd krb5.keytab ssl/private pki/tls/private letsencrypt acme cloud
  `),
  // Networks and remote disks
  words(`
    NetworkManager netplan network systemd/network wpa_supplicant wireguard openvpn ipsec.d ipsec.secrets
    swanctl ppp samba exports iscsi ceph
  `),
  // What clients and agents log in with
  words(`
    apt/auth.conf apt/auth.conf.d npmrc pip.conf gitconfig netrc curlrc wgetrc aws boto.cfg docker
    containers kubernetes rancher gitlab-runner buildkite-agent vault.d consul.d nomad.d salt puppet
    ansible msmtprc exim4 postfix mysql postgresql redis mongod.conf grafana telegraf datadog-agent
  `),
  // What starts by itself
  words(`
    systemd/user cron.d cron.hourly cron.daily cron.weekly cron.monthly crontab rc.local
  `),
].flat()

/** Directories that stay, without what is in them: a machine puts its own there. */
export const emptied: readonly string[] = [
  '/etc/ssh',
  '/etc/sudoers.d',
  // What people add here starts services with tokens in their environment.
  '/etc/systemd/system',
  // Sources that somebody works on; the rest of /usr is what packages brought.
  '/usr/src',
  '/usr/local/src',
]
