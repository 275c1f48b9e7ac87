"""discovery.kubernetes and discovery.kubelet against a fake API that satisfies Kubernetes' official Python client,
beside Prometheus' discovery on the same API: every role, selectors, namespaces, and watches that end in every way."""
import json
import time

from fake_kubernetes import FakeKubernetes
from harness import Target
from kubernetes_objects import cluster, pod
from service_discovery import OurSide, PrometheusSide, Stack, agree, check, satisfied, wait_for

CLIENT = """
import sys, threading, kubernetes
from kubernetes import client, watch
config = client.Configuration(host=sys.argv[1])
config.api_key = {"authorization": "secret"}
config.api_key_prefix = {"authorization": "Bearer"}
core = client.CoreV1Api(client.ApiClient(config))
assert {p.metadata.name for p in core.list_pod_for_all_namespaces().items} == {"web-0", "web-1", "pending", "agent"}
assert {p.metadata.name for p in core.list_namespaced_pod("shop", label_selector="app=web").items} == {"web-0", "web-1"}
assert [p.metadata.name for p in core.list_namespaced_pod("shop", field_selector="spec.nodeName=beta").items] == ["web-1"]
first = core.list_pod_for_all_namespaces(limit=3)
rest = core.list_pod_for_all_namespaces(limit=3, _continue=first.metadata._continue)
assert len(first.items) == 3 and len(rest.items) == 1 and not rest.metadata._continue
assert {n.metadata.name for n in core.list_node().items} == {"alpha", "beta"}
assert {s.metadata.name for s in core.list_service_for_all_namespaces().items} == {"web", "mail", "edge"}
assert len(core.list_endpoints_for_all_namespaces().items[0].subsets) == 2
assert client.DiscoveryV1Api(client.ApiClient(config)).list_endpoint_slice_for_all_namespaces().items[0].address_type == "IPv4"
assert client.NetworkingV1Api(client.ApiClient(config)).list_ingress_for_all_namespaces().items[0].spec.rules[0].host
seen = []
for e in watch.Watch().stream(core.list_namespaced_pod, "shop", resource_version="1", timeout_seconds=1):
    seen.append((e["type"], e["object"].metadata.name))
assert seen == [("ADDED", "web-0"), ("ADDED", "web-1"), ("ADDED", "pending")], seen
print(f"kubernetes {kubernetes.__version__} is satisfied with the fake at {sys.argv[1]}")
"""

def block(name, **arguments):
    return f"{name} {{\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in arguments.items()) + "}\n"


def both(stack, fake, name, role, body="", yaml=""):
    theirs = PrometheusSide(stack, f"prometheus-{name}", f"kubernetes_sd_configs:\n- role: {role}\n  api_server: {fake.url}\n"
                            "  authorization: {credentials: secret}\n" + yaml)
    ours = OurSide(stack, "discovery.kubernetes", f'role = "{role}"\napi_server = "{fake.url}"\n'
                   'bearer_token = "secret"\n' + body, f"ours-{name}")
    return ours, theirs


def names(targets):
    return {dict(t).get("__meta_kubernetes_pod_name") for t in targets}


def roles(stack, fake):
    sides = {}
    for role in ("node", "pod", "service", "endpoints", "endpointslice", "ingress"):
        sides[role] = both(stack, fake, role, role)
        check(agree(f"role {role}", *sides[role]), f"role {role} has no targets")
    attached = both(stack, fake, "attached", "pod", block("attach_metadata", node=True), "  attach_metadata: {node: true}\n")
    check(any("__meta_kubernetes_node_label_disk" in dict(t) for t in agree("nodes' labels on pods", *attached)), "no node labels")
    both_kinds = both(stack, fake, "namespaced", "service", block("attach_metadata", namespace=True),
                      "  attach_metadata: {namespace: true}\n")
    agree("namespaces' labels on services", *both_kinds)
    attached = both(stack, fake, "attached-e", "endpoints", block("attach_metadata", node=True), "  attach_metadata: {node: true}\n")
    agree("nodes' labels on endpoints", *attached)
    selected = both(stack, fake, "selected", "pod", block("namespaces", names=["shop"]) +
                    block("selectors", role="pod", label="app=web", field="spec.nodeName=alpha"),
                    "  namespaces: {names: [shop]}\n  selectors: [{role: pod, label: app=web, field: spec.nodeName=alpha}]\n")
    check(names(agree("selectors and a namespace", *selected)) == {"web-0"}, "selectors")
    return sides


def changes(stack, fake, sides):
    """What happens to a watch in a long life. Every change arrives once, whatever ends the watch."""
    ours, theirs = sides["pod"]
    before = ours.targets()
    fake.put(pod("new", "shop", "10.244.0.77", "alpha", [("c", [("p", 1, "TCP")])]))
    with_it = agree("a pod that comes", ours, theirs, but=before)
    check(len(with_it) == len(before) + 1, "one more target")
    fake.put(pod("new", "shop", "10.244.0.78", "alpha", [("c", [("p", 2, "TCP")])]))
    changed = agree("a pod that changes", ours, theirs, but=with_it)
    fake.remove("Pod", "new", "shop")
    check(agree("a pod that goes", ours, theirs, but=changed) == before, "the pod is not gone")

    alone = OurSide(stack, "discovery.kubernetes", f'role = "pod"\napi_server = "{fake.url}"\nbearer_token = "secret"\n'
                    + block("selectors", role="pod", label="watched=yes"), "ours-alone")

    def mine(collection, kind):
        source = fake.watches_of(collection) if kind == "watch" else fake.lists_of(collection)
        return [q for q in source if q.get("labelSelector") == "watched=yes"]

    def put(n, **kw):
        fake.put(pod(f"w-{n}", "shop", f"10.244.9.{n}", "alpha", [("c", [("p", 1, "TCP")])], labels={"watched": "yes"}, **kw))

    def seen(what, wanted):
        wait_for(what, lambda: names(alone.targets()) == {f"w-{n}" for n in wanted})
        print(f"{what}: {len(mine('pods', 'list'))} lists, {len(mine('pods', 'watch'))} watches")

    wait_for("the first watch", lambda: mine("pods", "watch"))
    put(1)
    seen("an event", [1])
    check(len(mine("pods", "list")) == 1, "one list is enough")
    check(all(q.get("allowWatchBookmarks") for q in mine("pods", "watch")), "bookmarks are not asked for")

    fake.cut = "watched=yes"
    put(2)
    seen("an event that is cut in its middle", [1, 2])
    check(fake.cut is None and len(mine("pods", "watch")) == 2 and len(mine("pods", "list")) == 1, "a watch that is resumed")
    time.sleep(1.5)  # bookmarks move the version on
    before = len(mine("pods", "watch"))
    with fake.changed:
        newest = fake.version
    fake.compact()   # the open watches are told 410
    put(3)
    seen("410 Gone in a watch", [1, 2, 3])
    check(len(mine("pods", "list")) >= 2, "410 Gone leads to a new list")
    fake.remove("Pod", "w-1", "shop")
    seen("a pod that goes after the new list", [2, 3])
    resumed = [int(q["resourceVersion"]) for q in mine("pods", "watch")[before:]]
    check(resumed and min(resumed) >= newest, f"resumed at {resumed}, behind {newest}")

    # Pages, and a token that expires between two of them.
    for n in range(10, 255):
        put(n)
    for n in range(0, 150):
        fake.put(pod(f"x-{n}", "infra", f"10.245.0.{n}", "alpha", [("c", [("p", 1, "TCP")])], labels={"watched": "yes"}))
    everything = {f"w-{n}" for n in [2, 3, *range(10, 255)]} | {f"x-{n}" for n in range(150)}
    wait_for("many pods", lambda: names(alone.targets()) == everything)
    fake.page_expires = True
    fake.compact()
    wait_for("a list whose second page expired", lambda: not fake.page_expires)
    fake.remove("Pod", "x-7", "infra")
    wait_for("pages", lambda: names(alone.targets()) == everything - {"x-7"})
    check(any(q.get("continue") for q in mine("pods", "list")), "no second page was asked for")
    print(f"{len(everything)} pods in pages, a token that expired: all there")


def access(stack, fake):
    kubeconfig = stack.write("kubeconfig", json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "fake", "user": "me"}}],
        "clusters": [{"name": "fake", "cluster": {"server": fake.url}}], "users": [{"name": "me", "user": {"token": "secret"}}]}))
    ours = OurSide(stack, "discovery.kubernetes", f'role = "node"\nkubeconfig_file = "{kubeconfig}"\n', "ours-kubeconfig")
    wait_for("a kubeconfig", lambda: len(ours.targets()) == 2)
    denied = OurSide(stack, "discovery.kubernetes", f'role = "node"\napi_server = "{fake.url}"\nbearer_token = "wrong"\n', "denied")
    wait_for("a refusal in the log", lambda: "401" in denied.collector.output())
    check(denied.targets() == set(), "targets without access")
    print("a kubeconfig gives access; a wrong token does not, and the log says so")


def kubelet(stack, sides):
    items = [o for o in cluster() if o["kind"] == "Pod"]
    server = Target(lambda n, request: (200, "application/json", json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {},
                                                                             "items": items}).encode())
                    if request.path == "/pods" else (404, "text/plain", b"no"))
    stack.callback(server.close)
    body = f'url = "http://127.0.0.1:{server.port}"\nrefresh_interval = "1s"\n'
    ours = OurSide(stack, "discovery.kubelet", body, "ours-kubelet")
    agree("the kubelet's pods", ours, sides["pod"][1])
    one = OurSide(stack, "discovery.kubelet", body + 'namespaces = ["infra"]\n', "ours-kubelet-ns")
    check(wait_for("a namespace", lambda: names(one.targets())) == {"agent"}, "namespaces")


def main():
    with Stack() as stack:
        fake = FakeKubernetes(token="secret")
        stack.callback(fake.close)
        fake.put(*cluster())
        satisfied("kubernetes", CLIENT, fake.url)
        sides = roles(stack, fake)
        kubelet(stack, sides)
        access(stack, fake)
        changes(stack, fake, sides)


if __name__ == "__main__":
    main()
