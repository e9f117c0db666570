#!/bin/sh
# Process 1 of a machine. It only waits: a shell runs a trap between commands, so anything it did itself
# would delay a power-off. Waiting also reaps what others orphan. When it exits, the kernel kills the rest.
trap 'echo "local-ec2: powered off"; exit 0' PWR
trap : TERM INT HUP
echo "local-ec2: $1 boots"
sh /run/local-ec2/boot &
while :; do
  sleep infinity &
  wait $!
done
