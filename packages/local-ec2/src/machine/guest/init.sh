#!/bin/sh
# Process 1 of a machine. It only waits: a shell runs a trap between commands, so anything it did itself
# would delay a power-off. Waiting also reaps what others orphan. When it exits, the kernel kills the rest.
# Its exit code says what comes next: 0 for nothing, and two that container.ts knows.
trap 'echo "local-ec2: powered off"; exit 0' PWR
trap 'echo "local-ec2: reboots"; exit 94' INT
trap 'echo "local-ec2: halted"; exit 95' USR2
# What the power button is to a computer: its services end first.
trap 'setsid /usr/lib/local-ec2/systemctl --shut-down poweroff </dev/null &' HUP
trap : TERM
# At every boot but the first, as systemd-tmpfiles does: only from inside is it certain that this /tmp is ours.
[ ! -e /var/lib/cloud/instance ] || find /tmp -xdev -mindepth 1 -delete
echo "local-ec2: $1 boots"
sh /run/local-ec2/boot &
while :; do
  sleep infinity &
  wait $!
done
