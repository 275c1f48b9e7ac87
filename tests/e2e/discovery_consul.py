"""discovery.consul against a fake that serves HashiCorp's own client, which Prometheus' discovery uses, beside it."""
from fake_consul import FakeConsul, instance
from service_discovery import OurSide, PrometheusSide, Stack, agree, check, wait_for


def catalog():
    return [
        instance("alpha", "web", "10.2.1.1", 80, ["v1", "edge"], {"git-sha": "abc", "team": "shop"}),
        instance("beta", "web", "", 81, ["v2"], checks=("passing", "warning"), node_address="10.2.0.2"),
        instance("beta", "web", "", 82, [], checks=("critical", "warning"), node_address="fd00::2"),
        instance("alpha", "db", "10.2.1.9", 5432, ["edge"], checks=("passing", "passing"),
                 check_ids=["_node_maintenance", "x"]),
        instance("alpha", "consul", "", 8300, checks=()),
        instance("gamma", "dotted.name-1", "10.2.1.7", 99),
    ]


def both(stack, fake, name, body="", yaml=""):
    ours = OurSide(stack, "discovery.consul", f'server = "{fake.address}"\ntoken = "t0k"\nrefresh_interval = "1s"\n' + body,
                   f"ours-{name}")
    theirs = PrometheusSide(stack, f"prometheus-{name}", f"consul_sd_configs:\n- server: {fake.address}\n  token: t0k\n"
                            "  refresh_interval: 1s\n" + yaml)
    return ours, theirs


def main():
    with Stack() as stack:
        fake = FakeConsul()
        stack.callback(fake.close)
        fake.set(catalog())
        everything = both(stack, fake, "all")
        before = agree("consul, all services", *everything)
        agree("consul, tags", *both(stack, fake, "tags", 'tags = ["edge"]\ntag_separator = ";"\n',
                                    "  tags: [edge]\n  tag_separator: ';'\n"))
        agree("consul, services by name", *both(stack, fake, "named", 'services = ["web", "db"]\n', "  services: [web, db]\n"))
        agree("consul, both", *both(stack, fake, "both", 'services = ["web"]\ntags = ["v1", "edge"]\nallow_stale = false\n',
                                    "  services: [web]\n  tags: [v1, edge]\n  allow_stale: false\n"))
        agree("consul, node metadata", *both(stack, fake, "meta", 'node_meta = {"rack-id" = "7"}\n',
                                             "  node_meta: {rack-id: '7'}\n"))
        queries = wait_for("second queries", lambda: [q for p, q in fake.requests
                                                      if p == "/v1/catalog/services" and "index" in q])
        check(all(q["wait"] == ["120000ms"] for q in queries), "the queries do not block")
        fake.set(catalog()[:1] + [instance("delta", "new", "10.2.1.8", 1)])
        agree("consul after a change", *everything, but=before)
        ours = everything[0]
        known = ours.targets()
        fake.fail = True
        wait_for("the failure", lambda: "No cluster leader" in ours.collector.output())
        check(ours.targets() == known, "what was known is lost when Consul fails")
        fake.fail = False
        fake.set(catalog())
        agree("consul, all services", *everything, seconds=60, but=known)


if __name__ == "__main__":
    main()
