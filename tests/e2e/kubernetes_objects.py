"""Objects of a small cluster, as an API server shows them."""


def meta(name, namespace=None, labels=None, annotations=None, owner=None, uid="uid-1"):
    out = {"name": name, "uid": uid, "creationTimestamp": "2024-01-01T00:00:00Z"}
    if namespace:
        out["namespace"] = namespace
    if labels:
        out["labels"] = labels
    if annotations:
        out["annotations"] = annotations
    if owner:
        out["ownerReferences"] = [
            {"apiVersion": "v1", "kind": "Other", "name": "not-the-controller", "uid": "o0"},
            {"apiVersion": "apps/v1", "kind": owner[0], "name": owner[1], "uid": "o1", "controller": True}]
    return out


def node(name, ip, labels=None):
    return {"kind": "Node", "apiVersion": "v1",
            "metadata": meta(name, labels={"kubernetes.io/hostname": name, **(labels or {})},
                             annotations={"example.com/rack": "r-1"}),
            "spec": {"providerID": f"cloud:///zone/{name}"},
            "status": {"addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": ip},
                                     {"type": "InternalIP", "address": "fe80::1"},
                                     {"type": "ExternalIP", "address": "203.0.113.7"}],
                       "conditions": [{"type": "Ready", "status": "True"}, {"type": "MemoryPressure", "status": "False"}],
                       "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}}


def pod(name, namespace, ip, node_name, containers, init=(), ready="True", phase="Running", labels=None, owner=None,
        annotations=None):
    def spec(c):
        cname, ports = c
        return {"name": cname, "image": f"registry.example/{cname}:1", "ports": [
            {k: v for k, v in {"name": n, "containerPort": p, "protocol": proto}.items() if v} for n, p, proto in ports]}

    def status(c):
        return {"name": c[0], "image": f"registry.example/{c[0]}:1", "imageID": "i", "ready": True, "restartCount": 0,
                "containerID": f"containerd://{name}-{c[0]}"}

    st = {"phase": phase, "hostIP": "10.1.0.1", "conditions": [
        {"type": "Initialized", "status": "True"}, {"type": "Ready", "status": ready}],
        "containerStatuses": [status(c) for c in containers], "initContainerStatuses": [status(c) for c in init]}
    if ip:
        st["podIP"] = ip
    return {"kind": "Pod", "apiVersion": "v1",
            "metadata": meta(name, namespace, labels, annotations, owner, uid=f"uid-{name}"),
            "spec": {"nodeName": node_name, "containers": [spec(c) for c in containers],
                     "initContainers": [spec(c) for c in init]}, "status": st}


def service(name, namespace, ports, kind="ClusterIP", labels=None, **spec):
    body = {"type": kind, "ports": [{"name": n, "port": p, "protocol": "TCP", "targetPort": p} for n, p in ports], **spec}
    if kind != "ExternalName":
        body.setdefault("clusterIP", "10.96.0.10")
    return {"kind": "Service", "apiVersion": "v1",
            "metadata": meta(name, namespace, labels, {"prometheus.io/scrape": "true"}), "spec": body,
            "status": {"loadBalancer": {}}}


def ref(kind, name, namespace=None):
    return {k: v for k, v in {"kind": kind, "name": name, "namespace": namespace, "uid": "u"}.items() if v}


def endpoints(name, namespace):
    return {"kind": "Endpoints", "apiVersion": "v1", "metadata": meta(name, namespace, {"app": "web"}), "subsets": [
        {"addresses": [{"ip": "10.244.0.5", "nodeName": "alpha", "targetRef": ref("Pod", "web-0", namespace)},
                       {"ip": "192.0.2.1", "hostname": "outside"},
                       {"ip": "10.1.0.1", "targetRef": ref("Node", "alpha")}],
         "notReadyAddresses": [{"ip": "10.244.1.6", "nodeName": "beta", "targetRef": ref("Pod", "web-1", namespace)}],
         "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]},
        {"addresses": [{"ip": "2001:db8::5"}], "ports": [{"name": "v6", "port": 9000, "protocol": "TCP"}]}]}


def endpointslice(name, namespace, service_name):
    return {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1", "addressType": "IPv4",
            "metadata": meta(name, namespace, {"kubernetes.io/service-name": service_name}), "endpoints": [
                {"addresses": ["10.244.0.5"], "conditions": {"ready": True, "serving": True, "terminating": False},
                 "nodeName": "alpha", "zone": "z1", "targetRef": ref("Pod", "web-0", namespace),
                 "deprecatedTopology": {"kubernetes.io/hostname": "alpha"}},
                {"addresses": ["10.244.1.6"], "conditions": {"ready": False}, "nodeName": "beta", "hostname": "web-1",
                 "targetRef": ref("Pod", "web-1", namespace)},
                {"addresses": ["192.0.2.9"], "conditions": {}}],
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"},
                      {"name": "other", "port": 9999, "protocol": "TCP"}]}


def ingress(name, namespace):
    def path(p):
        return {"path": p, "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}

    return {"kind": "Ingress", "apiVersion": "networking.k8s.io/v1",
            "metadata": meta(name, namespace, {"tier": "front"}, {"x.example/y": "z"}),
            "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["*.example.com", "plain.test"]}],
                     "rules": [{"host": "shop.example.com", "http": {"paths": [path("/a"), path("")]}},
                               {"host": "deep.shop.example.com", "http": {"paths": [path("/")]}},
                               {"host": "plain.test"}]}}


def cluster():
    return [
        node("alpha", "10.1.0.1", {"disk": "ssd"}), node("beta", "10.1.0.2"),
        {"kind": "Namespace", "apiVersion": "v1", "metadata": meta("shop", labels={"team": "sales"}), "status": {"phase": "Active"}},
        {"kind": "Namespace", "apiVersion": "v1", "metadata": meta("infra", annotations={"cost/center": "7"}),
         "status": {"phase": "Active"}},
        pod("web-0", "shop", "10.244.0.5", "alpha", [("web", [("http", 8080, "TCP"), ("metrics", 9100, "TCP")]),
                                                     ("sidecar", [])], init=[("migrate", [])],
            labels={"app": "web", "app.kubernetes.io/name": "web"}, owner=("StatefulSet", "web"),
            annotations={"prometheus.io/port": "9100"}),
        pod("web-1", "shop", "10.244.1.6", "beta", [("web", [(None, 8080, "TCP"), ("dns", 53, "UDP")])], ready="False",
            labels={"app": "web"}, owner=("StatefulSet", "web")),
        pod("pending", "shop", None, "", [("web", [("http", 8080, "TCP")])], phase="Pending", ready="Unknown"),
        pod("agent", "infra", "fd00::9", "alpha", [("agent", [("http", 80, "TCP")])], labels={"app": "agent"}),
        service("web", "shop", [("http", 80), ("metrics", 9100)], labels={"app": "web"}),
        service("mail", "shop", [("smtp", 25)], kind="ExternalName", externalName="mail.example.com"),
        service("edge", "infra", [("https", 443)], kind="LoadBalancer", loadBalancerIP="198.51.100.4"),
        endpoints("web", "shop"), endpointslice("web-abc", "shop", "web"), ingress("front", "shop"),
    ]
