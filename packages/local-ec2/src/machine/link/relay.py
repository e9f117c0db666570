"""
Joins two network devices, which it makes, and keeps what goes from one to the other for a while, or for good.

    relay.py OUTER INNER

Each line on standard input is the conditions from then on, as JSON: {"delayMs", "lossRate", "cut", "seed"}. It is
answered by a line on standard output once they are in force, and the first one when both devices are there. The end of
standard input is the end of the program, and the end of the program is that of the devices.

Large TCP segments pass in one piece, unless packets shall be lost: then the kernel cuts them before, as a network card
does, so that one loss is one packet.
"""

import collections
import fcntl
import gc
import json
import os
import random
import select
import struct
import sys
import time

# linux/if_tun.h
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_TSO_ECN = 1, 2, 4, 8

# A frame comes after ten bytes that say what its sender left to the hardware.
LARGEST_READ = 10 + 18 + 65536
ETHERTYPE = slice(10 + 12, 10 + 14)
ARP, IPV4 = b"\x08\x06", b"\x08\x00"

# What is under way in one direction: five times what one TCP connection may have by default (net.ipv4.tcp_rmem).
MOST_BYTES = 32 << 20

# As many as the kernel keeps for this program (network.ts).
QUEUE = 4096

# Both directions get their turn, and so do changes.
AT_A_TIME = 64


def open_device(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
    fcntl.ioctl(device, TUNSETIFF, request)
    return device


class Direction:
    def __init__(self, name, source, sink):
        self.name, self.source, self.sink = name, source, sink
        self.held = collections.deque()
        self.bytes = 0

    def set(self, conditions):
        self.delay = conditions["delayMs"] / 1000
        self.loss_rate = conditions["lossRate"]
        self.is_cut = conditions["cut"] in ("both", self.name)
        self.draw = random.Random(f"{conditions['seed']} {self.name}").random
        if self.is_cut:
            self.held.clear()
            self.bytes = 0

    def accept(self, now, most=AT_A_TIME):
        for _ in range(most):
            try:
                frame = os.read(self.source, LARGEST_READ)
            except BlockingIOError:
                return
            if self.is_cut:
                continue
            kind = frame[ETHERTYPE]
            if kind == ARP:
                # Of the last mile, not of the way.
                self.send(frame)
            elif not self.is_lost(kind) and self.bytes + len(frame) <= MOST_BYTES:
                self.held.append((now, frame))
                self.bytes += len(frame)

    def is_lost(self, kind):
        if self.loss_rate == 0:
            return False
        # What a system says of itself by IPv6, whenever it likes, does not change which packets of a test are lost.
        draw = self.draw if kind == IPV4 else random.random
        return draw() < self.loss_rate

    def release(self, now):
        """Returns the seconds until there is more to release; None while nothing is held."""
        held = self.held
        while held:
            wait = held[0][0] + self.delay - now
            if wait > 0:
                return wait
            frame = held.popleft()[1]
            self.bytes -= len(frame)
            self.send(frame)
        return None

    def send(self, frame):
        try:
            os.write(self.sink, frame)
        except OSError:
            # The device is down: nobody is there.
            pass


def relay(outer, inner):
    directions = [Direction("in", outer, inner), Direction("out", inner, outer)]
    by_device = {direction.source: direction for direction in directions}
    said = sys.stdin.buffer.raw
    obey(said.readline(), directions)
    waits = []
    while True:
        # Not epoll: its timeouts are whole milliseconds.
        ready, _, _ = select.select([said, *by_device], [], [], min(waits, default=None))
        now = time.monotonic()
        for device in ready:
            if device in by_device:
                by_device[device].accept(now)
        if said in ready:
            line = said.readline()
            if line == b"":
                return
            # What came before, came under the conditions of before.
            for direction in directions:
                direction.accept(now, QUEUE)
            obey(line, directions)
        now = time.monotonic()
        waits = [wait for each in directions if (wait := each.release(now)) is not None]


def obey(line, directions):
    conditions = json.loads(line)
    segments = TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN if conditions["lossRate"] == 0 else 0
    for direction in directions:
        direction.set(conditions)
        fcntl.ioctl(direction.source, TUNSETOFFLOAD, TUN_F_CSUM | segments)
        # Who hears the answer may end this program.
        direction.release(time.monotonic())
    print("in force", flush=True)


# Nothing here refers to itself, and with many frames under way a search for what does takes milliseconds.
gc.disable()
relay(*map(open_device, sys.argv[1:]))
