"""discovery.docker against a fake Engine API that satisfies Docker's official Python client, beside
Prometheus' discovery on the same daemon."""
from fake_docker import FakeDocker, container, network, port
from service_discovery import OurSide, PrometheusSide, Stack, agree, check, satisfied, wait_for

CLIENT = """
import sys, docker
client = docker.DockerClient(base_url=sys.argv[1], version="auto")
assert client.ping()
assert client.version()["ApiVersion"] == "1.43", client.version()
names = sorted(c.attrs["Names"][0] for c in client.containers.list(sparse=True) if c.attrs["Names"])
assert names == ["/api", "/db", "/helper", "/on-host", "/six", "/web"], names
only = client.containers.list(sparse=True, filters={"label": ["team=shop"]})
assert [c.attrs["Names"][0] for c in only] == ["/web"], only
assert {n.name: n.attrs["Internal"] for n in client.networks.list()} == {"bridge": False, "back": True, "host": False}
try:
    client.containers.list(filters={"nonsense": "x"})
    assert False, "a filter that does not exist was taken"
except docker.errors.APIError as e:
    assert e.status_code == 400
print(f"docker {docker.__version__} is satisfied with the fake at {sys.argv[1]}")
"""


def fill(fake):
    six = container("6", "six", {"back": ""}, [port(9000)])
    six["NetworkSettings"]["Networks"]["back"]["GlobalIPv6Address"] = "2001:db8::6"
    fake.networks = [network("bridge", labels={"com.example/zone": "attic"}), network("back", internal=True),
                     network("host")]
    fake.containers = [
        container("a", "web", {"bridge": "172.17.0.2", "back": "10.0.0.2"},
                  [port(80, 8080), port(443, 8443, ip="127.0.0.1"), port(53, kind="udp")],
                  {"team": "shop", "com.docker.compose.service": "web-1"}),
        container("b", "db", {"back": "10.0.0.3"}),
        container("c", "api", {"bridge": "172.17.0.4"}, [port(8125, kind="udp")]),
        container("d", "on-host", {"host": ""}, mode="host"),
        container("e", "helper", {}, mode="container:" + "a" * 64),
        container("f", None, {"bridge": "172.17.0.9"}),
        container("0", "stopped", {"bridge": "172.17.0.8"}, state="exited"),
        six,
    ]


def compare(stack, fake, name):
    fill(fake)
    satisfied("docker", CLIENT, fake.url)
    body = f'host = "{fake.url}"\nrefresh_interval = "1s"\nhost_networking_host = "box"\nport = 81\n'
    sides = {}
    for first in (True, False):
        side = f"{name}-{'first' if first else 'all'}"
        yaml = (f"docker_sd_configs:\n- host: {fake.url}\n  refresh_interval: 1s\n  host_networking_host: box\n  port: 81\n"
                f"  match_first_network: {str(first).lower()}\n")
        sides[first] = (OurSide(stack, "discovery.docker", body + f"match_first_network = {str(first).lower()}\n", f"ours-{side}"),
                        PrometheusSide(stack, f"prometheus-{side}", yaml))
        agree(f"docker, {'first network' if first else 'all networks'}", *sides[first])
    return sides[False]


def main():
    with Stack() as stack:
        tcp = FakeDocker()
        stack.callback(tcp.close)
        ours, theirs = compare(stack, tcp, "tcp")
        known = ours.targets()
        tcp.fail = True
        wait_for("the failure", lambda: "the daemon is unwell" in ours.collector.output())
        check(ours.targets() == known, "what was known is lost when the daemon fails")
        tcp.fail = False
        tcp.containers = tcp.containers[:1]
        agree("docker after a change", ours, theirs, but=known)
        check(any(r.startswith("/v1.43/containers/json") for r in tcp.requests), "the version was not negotiated")
        filtered = OurSide(stack, "discovery.docker", f'host = "{tcp.url}"\nfilter {{\nname = "label"\n'
                           'values = ["team=other"]\n}\n', "filtered")
        wait_for("a filter", lambda: any("team%3Dother" in r for r in tcp.requests))
        check(filtered.targets() == set(), "a filter that keeps nothing")
        unix = FakeDocker(f"{stack.folder}/docker.sock")
        stack.callback(unix.close)
        compare(stack, unix, "unix")


if __name__ == "__main__":
    main()
