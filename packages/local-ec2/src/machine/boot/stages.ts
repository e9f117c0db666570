/** The script by which a machine of kind `cloud-init` boots: what systemd's units would run, in their order. */
export function stages(wrongHostKey: boolean): string {
  return `#!/bin/sh
cd /
say() { echo "local-ec2: $1"; }
stage() { cloud-init "$@" || say "cloud-init $* failed with code $?"; }
# As systemd starts them: scripts that count on a HOME fail on EC2, too.
unset HOME
export LANG=C.UTF-8
stage init --local
stage init
${wrongHostKey ? foreignKey : ''}systemctl start ssh || say 'sshd did not start'
for unit in /etc/systemd/system/multi-user.target.wants/*.service; do
  [ ! -e "$unit" ] || systemctl start --no-block "\${unit##*/}"
done
stage modules --mode=config
stage modules --mode=final
say 'boot finished'
`
}

const foreignKey = `rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
`
