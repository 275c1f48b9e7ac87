"""The collector writes to an endpoint behind each way to authenticate at AWS, Azure and Google Cloud. One fake
has all their services: it checks signatures and assertions by implementations of its own, gives out keys and
tokens that soon run out, is out of order at first, and takes samples only with what it gave out last."""
import base64
import datetime
import hashlib
import hmac
import http.server
import json
import math
import subprocess
import tempfile
import threading
import time
import urllib.parse

from harness import Stack, check, get, need, text_target, wait_for
from sink import decode

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
except ImportError:
    botocore = None

CLIENT = "00000000-0000-0000-0000-00000000000a"
TENANT = "00000000-0000-0000-0000-00000000000b"
SCOPE = "https://www.googleapis.com/auth/monitoring.write"

CONFIG = """
prometheus.scrape "x" {
  targets = [{"__address__" = "127.0.0.1:TARGET"}]
  scrape_interval = "1s"
  scrape_timeout = "1s"
  forward_to = [prometheus.remote_write.out.receiver]
}
prometheus.remote_write "out" {
ENDPOINTS
}
"""

ENDPOINT = """  endpoint {
    name = "NAME"
    url = "URL/write/NAME"
    metadata_config {
      send = false
    }
    queue_config {
      batch_send_deadline = "200ms"
    }
    BLOCK
  }
"""

BLOCKS = {
    "aws_keys": """sigv4 {
      region = "eu-central-1"
      access_key = "AKIAKEYS"
      secret_key = "aws/secret+of+keys"
    }""",
    "aws_role": """sigv4 {
      region = "us-west-2"
      profile = "base"
      role_arn = "arn:aws:iam::123456789012:role/writer"
      external_id = "ours"
    }""",
    "aws_instance": """sigv4 {
      region = "eu-west-1"
      service_name = "es"
    }""",
    "azure_oauth": """azuread {
      oauth {
        client_id = "CLIENT"
        client_secret = "azure-secret-of-oauth"
        tenant_id = "TENANT"
      }
    }""",
    "azure_managed": """azuread {
      cloud = "AzureGovernment"
      managed_identity {
        client_id = "CLIENT"
      }
    }""",
    "azure_workload": """azuread {
      scope = "api://metrics/.default"
      workload_identity {
        client_id = "CLIENT"
        tenant_id = "TENANT"
        token_file_path = "FOLDER/workload-token"
      }
    }""",
    "azure_sdk": """azuread {
      sdk {
        tenant_id = "TENANT"
      }
    }""",
    "google_file": """google_iam {
      credentials_file = "FOLDER/google.json"
    }""",
    "google_machine": "google_iam { }",
}


def configuration(target, url, folder):
    endpoints = "".join(ENDPOINT.replace("BLOCK", block).replace("NAME", name) for name, block in BLOCKS.items())
    text = CONFIG.replace("ENDPOINTS", endpoints)
    for word, value in (("CLIENT", CLIENT), ("TENANT", TENANT), ("FOLDER", folder), ("URL", url),
                        ("TARGET", str(target))):
        text = text.replace(word, value)
    return text


def verify_sigv4(method, target, headers, body, keys, service):
    """AWS's four steps backwards; `keys` are {id: (secret, token)}. What is wrong, or nothing."""
    algorithm, _, rest = headers.get("Authorization", "").partition(" ")
    if algorithm != "AWS4-HMAC-SHA256":
        return f"algorithm {algorithm}"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    key_id, day, region, named, end = parts["Credential"].split("/")
    if named != service or end != "aws4_request" or key_id not in keys:
        return f"credential {parts['Credential']}"
    secret, token = keys[key_id]
    if headers.get("X-Amz-Security-Token") != token:
        return "session token"
    stamp = headers["X-Amz-Date"]
    when = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs((datetime.datetime.now(datetime.timezone.utc) - when).total_seconds()) > 300 or stamp[:8] != day:
        return f"time {stamp}"
    signed = parts["SignedHeaders"].split(";")
    if "host" not in signed or "x-amz-date" not in signed or signed != sorted(signed):
        return f"signed headers {signed}"
    path, _, query = target.partition("?")
    pairs = sorted((urllib.parse.quote(k, safe="-_.~"), urllib.parse.quote(v, safe="-_.~"))
                   for k, v in urllib.parse.parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join([
        method, urllib.parse.quote(path, safe="/-_.~"), "&".join(f"{k}={v}" for k, v in pairs),
        *(f"{name}:{' '.join(headers[name].split())}" for name in signed), "", ";".join(signed),
        hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    ours = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    if ours != parts["Signature"]:
        return f"signature of\n{canonical}"
    if botocore:
        request = botocore.awsrequest.AWSRequest(
            method=method, url=f"http://{headers['Host']}{target}", data=body,
            headers={name: headers[name] for name in signed if name != "host"})
        request.context["timestamp"] = stamp
        auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key_id, secret, token), service, region)
        theirs = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        if theirs != parts["Signature"]:
            return f"botocore says {theirs}"
    return None


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Cloud:
    """Every service and the endpoint; services are out of order until `broken` is taken back."""

    def __init__(self, public_key):
        self.lock = threading.Lock()
        self.broken = True
        self.public_key = public_key
        self.issued = {}      # bearer token -> (who, until)
        self.keys = {"AKIAKEYS": ("aws/secret+of+keys", None), "AKIABASE": ("aws/secret+of+base", None)}
        self.asked = {}       # service -> how often
        self.samples = {}     # endpoint -> values
        self.wrong = []
        self.refused = 0
        self.secrets = {"aws/secret+of+keys", "aws/secret+of+base", "azure-secret-of-oauth",
                        "azure-secret-of-sdk", "imds-session-token"}
        cloud = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with cloud.lock:
                    try:
                        code, answer = cloud.answer(self.command, self.path, self.headers, body)
                    except Exception as e:  # noqa: BLE001: what is wrong is told at the end
                        cloud.wrong.append(f"{self.command} {self.path}: {type(e).__name__} {e}")
                        code, answer = 500, ""
                data = answer.encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, target, headers, body):
        path, _, query = target.partition("?")
        if path.startswith("/write/"):
            return self.write(path.removeprefix("/write/"), method, target, headers, body)
        if self.broken:
            return 503, "out of order"
        asked = dict(urllib.parse.parse_qsl(query) + urllib.parse.parse_qsl(body.decode()))
        for prefix, service in (("/sts/", self.sts), ("/imds/", self.imds), ("/azure/", self.entra),
                                ("/metadata/", self.azure_machine), ("/google/", self.google),
                                ("/computeMetadata/", self.google_machine)):
            if path.startswith(prefix):
                name, code, answer = service(method, target, headers, body, asked)
                if name:
                    self.asked[name] = self.asked.get(name, 0) + 1
                if code >= 400:
                    self.wrong.append(f"{method} {target}: {answer}")
                return code, answer
        self.wrong.append(f"{method} {target}: nobody there")
        return 404, ""

    def token(self, who, seconds):
        token = f"{who}.{len(self.issued)}.token"
        self.issued[token] = (who, time.time() + seconds)
        self.secrets.add(token)
        return token

    def write(self, who, method, target, headers, body):
        problem = None
        if who.startswith("aws_"):
            # A key is good for the endpoint that it is for.
            mine = {"aws_keys": "AKIAKEYS", "aws_role": "ASIAROLE", "aws_instance": "ASIAINSTANCE"}[who]
            keys = {k: v[:2] for k, v in self.keys.items()
                    if k.startswith(mine) and (len(v) == 2 or v[2] > time.time())}
            problem = verify_sigv4(method, target, headers, body, keys, "es" if who == "aws_instance" else "aps")
        else:
            kind, _, token = headers.get("Authorization", "").partition(" ")
            owner, until = self.issued.get(token, ("nobody", 0))
            if kind != "Bearer" or owner != who or until < time.time():
                problem = f"{kind} of {owner}"
        if problem:
            self.refused += 1
            self.wrong.append(f"{who}: {problem}")
            return 401, ""
        self.samples.setdefault(who, []).extend(
            v for l, _, v in decode(body) if l.get("__name__") == "turn" and not math.isnan(v))
        return 204, ""

    def new_keys(self, prefix, seconds):
        key = f"{prefix}{len(self.keys)}"
        secret, token = f"{key}/secret+of", f"{key}/session=="
        self.keys[key] = (secret, token, time.time() + seconds)
        self.secrets |= {secret, token}
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        return key, secret, token, end.strftime("%Y-%m-%dT%H:%M:%SZ")

    def sts(self, method, target, headers, body, asked):
        base = {k: v for k, v in self.keys.items() if k == "AKIABASE"}
        problem = verify_sigv4(method, target, headers, body, base, "sts")
        if problem or asked.get("RoleArn") != "arn:aws:iam::123456789012:role/writer" or \
                asked.get("ExternalId") != "ours" or asked.get("Action") != "AssumeRole":
            return None, 403, f"{problem} {asked}"
        key, secret, token, end = self.new_keys("ASIAROLE", 8)
        return "sts", 200, (
            "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
            f"<SessionToken>{token}</SessionToken><Expiration>{end}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>")

    def imds(self, method, target, headers, body, asked):
        path = target.removeprefix("/imds")
        if path == "/latest/api/token":
            good = method == "PUT" and int(headers["X-aws-ec2-metadata-token-ttl-seconds"]) > 0
            return None, 200 if good else 400, "imds-session-token"
        if headers.get("X-aws-ec2-metadata-token") != "imds-session-token":
            return None, 401, "no session"
        if path == "/latest/meta-data/iam/security-credentials/":
            return None, 200, "node"
        if path != "/latest/meta-data/iam/security-credentials/node":
            return None, 404, path
        key, secret, token, end = self.new_keys("ASIAINSTANCE", 3600)
        return "imds", 200, json.dumps({"Code": "Success", "AccessKeyId": key, "SecretAccessKey": secret,
                                        "Token": token, "Expiration": end})

    def entra(self, method, target, headers, body, asked):
        who = None
        if asked.get("client_secret") == "azure-secret-of-oauth":
            who, scope = "azure_oauth", "https://monitor.azure.com//.default"
        elif asked.get("client_secret") == "azure-secret-of-sdk":
            who, scope = "azure_sdk", "https://monitor.azure.com//.default"
        elif asked.get("client_assertion") == "workload.jwt.here" and asked.get("client_assertion_type") == \
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            who, scope = "azure_workload", "api://metrics/.default"
        if not who or method != "POST" or target != f"/azure/{TENANT}/oauth2/v2.0/token" or \
                asked.get("grant_type") != "client_credentials" or asked.get("client_id") != CLIENT or \
                asked.get("scope") != scope:
            return None, 400, json.dumps({"error": "invalid_request", "error_description": str(asked)})
        # A new one is due after half of this.
        return who, 200, json.dumps({"token_type": "Bearer", "expires_in": 6, "access_token": self.token(who, 6)})

    def azure_machine(self, method, target, headers, body, asked):
        wanted = {"api-version": "2018-02-01", "resource": "https://monitor.azure.us/", "client_id": CLIENT}
        if headers.get("Metadata") != "true" or asked != wanted:
            return None, 400, str(asked)
        return "azure_managed", 200, json.dumps({
            "access_token": self.token("azure_managed", 3600), "expires_in": "3600",
            "expires_on": str(int(time.time()) + 3600), "token_type": "Bearer"})

    def google(self, method, target, headers, body, asked):
        header, claims, signature = asked["assertion"].split(".")
        with tempfile.NamedTemporaryFile() as f:
            f.write(unpadded(signature))
            f.flush()
            verified = subprocess.run(["openssl", "dgst", "-sha256", "-verify", self.public_key, "-signature", f.name],
                                      input=f"{header}.{claims}".encode(), capture_output=True)
        claims = json.loads(unpadded(claims))
        now = time.time()
        if verified.returncode or json.loads(unpadded(header)) != {"alg": "RS256", "typ": "JWT", "kid": "k1"} or \
                claims["iss"] != "writer@project" or claims["scope"] != SCOPE or \
                claims["aud"] != f"{self.url}/google/token" or not claims["iat"] <= now < claims["exp"] <= now + 3600 or \
                asked["grant_type"] != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return None, 400, f"{verified} {claims}"
        return "google_file", 200, json.dumps({"access_token": self.token("google_file", 3600), "expires_in": 3599,
                                               "token_type": "Bearer"})

    def google_machine(self, method, target, headers, body, asked):
        if headers.get("Metadata-Flavor") != "Google" or asked.get("scopes") != SCOPE or \
                "/instance/service-accounts/default/token" not in target:
            return None, 403, str(asked)
        return "google_machine", 200, json.dumps({"access_token": self.token("google_machine", 3600),
                                                  "expires_in": 3599, "token_type": "Bearer"})


def main():
    need("openssl")
    with Stack() as stack:
        private, public = f"{stack.folder}/private.pem", f"{stack.folder}/public.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", private], check=True, capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
        cloud = Cloud(public)
        stack.callback(cloud.close)
        target = text_target(lambda n: f"turn {n}\n")
        stack.callback(target.close)
        with open(private) as f:
            stack.write("google.json", json.dumps({
                "type": "service_account", "client_email": "writer@project", "private_key_id": "k1",
                "private_key": f.read(), "token_uri": f"{cloud.url}/google/token"}))
        stack.write("workload-token", "workload.jwt.here\n")
        aws = stack.write("aws", "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = aws/secret+of+base\n")
        environment = {
            "HOME": stack.folder, "AWS_SHARED_CREDENTIALS_FILE": aws, "AWS_CONFIG_FILE": f"{stack.folder}/none",
            "AWS_ENDPOINT_URL_STS": f"{cloud.url}/sts/", "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"{cloud.url}/imds",
            "AZURE_AUTHORITY_HOST": f"{cloud.url}/azure/", "AZURE_POD_IDENTITY_AUTHORITY_HOST": cloud.url,
            "AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_SECRET": "azure-secret-of-sdk",
            "GCE_METADATA_HOST": f"127.0.0.1:{cloud.port}"}
        ours = stack.collector(configuration(target.port, cloud.url, stack.folder), env=environment)
        wait_for("keys at hand", lambda: len(cloud.samples.get("aws_keys", [])) >= 3)
        failing = wait_for("what fails on the page of the component", lambda: [
            page for page in [get(ours.url + "/api/v0/components/prometheus.remote_write.out")]
            if page.count("answered 503") >= len(BLOCKS) - 1])[0]
        check(list(cloud.samples) == ["aws_keys"], str(cloud.samples))
        cloud.broken = False
        for name in BLOCKS:
            wait_for(name, lambda n=name: len(cloud.samples.get(n, [])) >= 3)
        # Keys of STS last 8 s here, tokens of Entra 6 s: both are renewed while samples flow.
        wait_for("new keys and tokens",
                 lambda: min(cloud.asked.get(n, 0) for n in ("sts", "azure_oauth", "azure_workload", "azure_sdk")) >= 3)
        shown = failing + get(ours.url + "/api/v0/components") + get(ours.url + "/metrics") + get(ours.url + "/")
        check(ours.stop() == 0, ours.output())
        check(not cloud.wrong, "\n".join(cloud.wrong[:10]))
        for name in BLOCKS:
            turns = cloud.samples[name]
            check(turns == list(range(1, len(turns) + 1)), f"{name}: gap or disorder: {turns}")
        check(cloud.asked["imds"] == cloud.asked["google_file"] == cloud.asked["google_machine"] == 1 and
              cloud.asked["azure_managed"] == 1, f"asked more than once: {cloud.asked}")
        log = ours.output()
        check("answered 503" in log and "sending failed, will retry" in log, log)
        with open(private) as f:
            cloud.secrets.add(f.read().splitlines()[1])
        cloud.secrets.add("workload.jwt.here")
        for secret in cloud.secrets:
            check(secret not in log and secret not in shown, f"{secret} is told")
        print(f"{ {n: len(v) for n, v in cloud.samples.items()} } samples in order, {cloud.asked} asked, "
              f"{len(cloud.secrets)} secrets nowhere told, botocore {'agrees' if botocore else 'is not installed'}")


if __name__ == "__main__":
    main()
