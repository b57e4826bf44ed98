"""Hosts of network namespaces on one switch; between any two of them the network can be cut, in silence."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

#: Nobody has it: what is sent there is neither taken nor refused.
_NOWHERE = "02:00:00:00:00:01"


def lacks() -> str:
    """Say why there can be no such hosts on this machine; nothing: there can."""
    if not shutil.which("ip"):
        return "needs ip (apt install iproute2)"
    allowed = subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return "" if allowed and os.geteuid() == 0 else "needs to make network namespaces, as root"


class Network:
    """Hosts by name. The tests' own processes reach them all."""

    def __init__(self, hosts: Sequence[str]) -> None:
        # Networks for trials (RFC 2544), one for each process that makes some.
        self._net = f"198.{18 + os.getpid() // 250 % 2}.{os.getpid() % 250}."
        self._run = f"sd{os.getpid():x}"
        self._hosts = list(hosts)

    def address(self, host: str) -> str:
        """Return a host's IP address."""
        return f"{self._net}{self._hosts.index(host) + 2}"

    def within(self, host: str) -> list[str]:
        """Return the command that runs the command that follows it on a host; it takes its place."""
        return ["ip", "netns", "exec", self._named(host)]

    def cut(self, one: str, other: str) -> None:
        """Loses all that one host sends to the other, and the reverse; neither is told."""
        for here, there in ((one, other), (other, one)):
            lost = ("lladdr", _NOWHERE, "nud", "permanent", "dev", "eth0")
            self._ip("-n", self._named(here), "neigh", "replace", self.address(there), *lost)

    def heal(self, one: str, other: str) -> None:
        """End a cut."""
        for here, there in ((one, other), (other, one)):
            self._ip("-n", self._named(here), "neigh", "del", self.address(there), "dev", "eth0")

    def build(self) -> None:
        """Make the switch and the hosts."""
        switch = self._named("switch")
        self._ip("netns", "add", switch)
        self._ip("-n", switch, "link", "add", "switch", "up", "type", "bridge")
        self._plug("tests", self._run, ())
        self._ip("address", "add", f"{self._net}1/24", "dev", self._run)
        for host in self._hosts:
            namespace = self._named(host)
            self._ip("netns", "add", namespace)
            self._plug(host, "eth0", ("-n", namespace))
            self._ip("-n", namespace, "address", "add", f"{self.address(host)}/24", "dev", "eth0")
            self._ip("-n", namespace, "link", "set", "lo", "up")

    def _plug(self, host: str, interface: str, there: Sequence[str]) -> None:
        switch = self._named("switch")
        cable = ("type", "veth", "peer", "name", host, "netns", switch)
        self._ip(*there, "link", "add", interface, *cable)
        self._ip("-n", switch, "link", "set", "dev", host, "master", "switch", "up")
        self._ip(*there, "link", "set", interface, "up")

    def remove(self) -> None:
        """Remove all that is there of it; what joined them goes with them."""
        for host in ("switch", *self._hosts):
            subprocess.run(["ip", "netns", "del", self._named(host)], stderr=subprocess.DEVNULL, check=False)

    def _named(self, host: str) -> str:
        return f"{self._run}-{host}"

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", *words], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def network(*hosts: str) -> Iterator[Network]:
    """Provide hosts of these names, until the block ends."""
    made = Network(hosts)
    try:
        made.build()
        yield made
    finally:
        made.remove()
