# ruff: noqa: E501  the texts are what machines say; broken into lines they would be others
"""What machines say, as containerd, CRI-O, dockerd, registries, kubelets and admission really say it."""

from __future__ import annotations

import pytest

from agent.rollout import texts
from agent.rollout.texts import Meaning

PERMANENT, REGISTRY = Meaning.PERMANENT, Meaning.REGISTRY

PULLS = [
    # containerd
    (PERMANENT, 'rpc error: code = NotFound desc = failed to pull and unpack image "r/app:v2": failed to resolve reference "r/app:v2": r/app:v2: not found'),
    (PERMANENT, 'failed to resolve reference "docker.io/x/y:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed'),
    (PERMANENT, "pulling from host 127.0.0.1:5000 failed with status code [manifests v1]: 401 Unauthorized"),
    (PERMANENT, "failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token?scope=x: 403 Forbidden"),
    (PERMANENT, "no match for platform in manifest: not found"),
    (PERMANENT, 'failed to pull and unpack image "x": mediaType in manifest should be "y" not "z": unsupported media type'),
    (REGISTRY, "pulling from host 127.0.0.1:5000 failed with status code [manifests v1]: 500 Internal Server Error"),
    (REGISTRY, 'failed to do request: Head "https://registry.invalid/v2/x/nothing/manifests/v9": dial tcp: lookup registry.invalid on 10.255.255.53:53: dial udp 10.255.255.53:53: connect: network is unreachable'),
    (REGISTRY, 'rpc error: code = DeadlineExceeded desc = failed to pull and unpack image "x": failed to resolve reference "x": failed to do request: Head "http://x/v2/": dial tcp 203.0.113.5:5000: i/o timeout'),
    (REGISTRY, "httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/x/manifests/sha256:1: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit."),
    (REGISTRY, 'failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://cdn/x": EOF'),
    (REGISTRY, "failed to copy: read tcp 10.0.0.1:4711->10.1.2.3:443: read: connection reset by peer"),
    (REGISTRY, "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    (REGISTRY, "http: server gave HTTP response to HTTPS client"),
    (REGISTRY, "failed to unpack image on snapshotter overlayfs: content digest sha256:7351147077496a: not found"),
    (REGISTRY, "failed to extract layer sha256:1: write /var/lib/containerd/x: no space left on device"),
    (REGISTRY, "failed to authorize: failed to fetch oauth token: unexpected status from POST request to https://auth/token: 503 Service Unavailable"),
    # CRI-O
    (PERMANENT, "unable to pull image or OCI artifact: pull image err: initializing source docker://quay.io/a/b:c: reading manifest c in quay.io/a/b: manifest unknown; artifact err: provided artifact is a container image"),
    (PERMANENT, "initializing source docker://quay.io/a/b:c: reading manifest c in quay.io/a/b: unauthorized: access to the requested resource is not authorized"),
    (PERMANENT, "reading manifest nope in localhost:5000/app: name unknown: repository name not known to registry"),
    (PERMANENT, 'short-name "nginx" did not resolve to an alias and no unqualified-search registries are defined'),
    (PERMANENT, "invalid status code from registry 404 (Not Found)"),
    (REGISTRY, 'pinging container registry localhost:5000: Get "http://localhost:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused'),
    (REGISTRY, "received unexpected HTTP status: 502 Bad Gateway"),
    (REGISTRY, "Error determining manifest MIME type for docker://busybox:1: Get https://auth.docker.io/token?scope=x: EOF"),
    # dockerd
    (PERMANENT, "rpc error: code = Unknown desc = Error response from daemon: manifest for a/b:v1 not found: manifest unknown: manifest unknown"),
    (PERMANENT, "Error response from daemon: pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied"),
    (PERMANENT, 'Error response from daemon: Get "https://x/v2/": no basic auth credentials'),
    (PERMANENT, "no matching manifest for linux/arm64/v8 in the manifest list entries"),
    (REGISTRY, 'Error response from daemon: Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)'),
    (REGISTRY, 'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host'),
    (REGISTRY, "Error response from daemon: received unexpected HTTP status: 503 Service Unavailable"),
    (REGISTRY, "net/http: TLS handshake timeout"),
    # nobody knows
    (REGISTRY, "something that nobody has ever said"),
    (REGISTRY, ""),
]  # fmt: skip


@pytest.mark.parametrize(("meaning", "message"), PULLS)
def test_r11_r12_failed_pulls(meaning, message):
    assert texts.image("ErrImagePull", message, "registry.example.com/x:v1") is meaning


@pytest.mark.parametrize(
    "name", ["timeout/eof:503", "x509/connection-refused:v500", "r/not-found:404", "denied:forbidden"]
)
def test_a_name_is_no_message(name):
    gone = f'failed to resolve reference "{name}": {name}: not found'
    assert texts.image("ErrImagePull", gone, name) is PERMANENT
    away = f'failed to resolve reference "{name}": dial tcp: i/o timeout'
    assert texts.image("ErrImagePull", away, name) is REGISTRY


@pytest.mark.parametrize("reason", ["InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"])
def test_some_reasons_need_no_message(reason):
    assert texts.image(reason, "", "x") is PERMANENT
    assert texts.image("RegistryUnavailable", "not found", "x") is REGISTRY


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ('Back-off pulling image "localhost:5000/app:v1"', False),
        ('Back-off pulling image "localhost:5000/app:v1": ErrImagePull: rpc error: code = NotFound desc = x', True),
        ("Error: ErrImagePull", False),
        ("Error: ImagePullBackOff", False),
        ("", False),
        ("manifest unknown", True),
    ],
)
def test_what_names_a_cause(message, says):
    assert texts.says_why(message) is says


REFUSALS = [
    (Meaning.PERMANENT, 'pods "web-x" is forbidden: maximum memory usage per Container is 128Mi, but limit is 1Gi'),
    (Meaning.PERMANENT, 'pods "web-x" is forbidden: [minimum cpu usage per Container is 100m, but request is 10m, cpu max limit to request ratio per Container is 2, but provided ratio is 4]'),
    (Meaning.PERMANENT, 'pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'),
    (Meaning.PERMANENT, 'admission webhook "validation.gatekeeper.sh" denied the request: [timeouts] every container must set a timeout'),
    (Meaning.PERMANENT, 'pods "x" is forbidden: ValidatingAdmissionPolicy \'p\' with binding \'b\' denied request: failed expression'),
    (Meaning.PERMANENT, 'pods "web-" is forbidden: unable to validate against any security context constraint: [provider restricted]'),
    (Meaning.PERMANENT, 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: app'),
    (Meaning.PERMANENT, 'Pod "web-x" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit'),
    (Meaning.PERMANENT, "pod node label selector conflicts with its namespace node label selector: is forbidden"),
    (Meaning.QUOTA, 'pods "web-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3'),
    (Meaning.QUOTA, 'pods "web-x" is forbidden: status unknown for quota: q, resources: pods'),
    (Meaning.REFERENCE, 'pods "web-" is forbidden: error looking up service account shop/ghost: serviceaccount "ghost" not found'),
    (Meaning.REFERENCE, 'pods "web-x" is forbidden: no PriorityClass with name gold was found'),
    (Meaning.REFERENCE, 'pods "web-x" is forbidden: pod rejected: RuntimeClass "gvisor" not found'),
    (Meaning.NOISE, 'Internal error occurred: failed calling webhook "a.b": failed to call webhook: Post "https://a.svc:443/m?timeout=10s": dial tcp 10.1.1.1:443: connect: connection refused'),
    (Meaning.NOISE, 'Internal error occurred: failed calling webhook "a.b": failed to call webhook: the server is currently unable to handle the request'),
    (Meaning.NOISE, 'failed calling webhook "a.b": no endpoints available for service "a"'),
    (Meaning.NOISE, "Timeout: request did not complete within requested timeout - context deadline exceeded"),
    (Meaning.NOISE, 'pods "web-x" is forbidden: not yet ready to handle request'),
    (Meaning.NOISE, "etcdserver: request timed out"),
    (Meaning.NOISE, "etcdserver: leader changed"),
    (Meaning.NOISE, 'pods "web-0" already exists'),
    (Meaning.NOISE, ""),
]  # fmt: skip


@pytest.mark.parametrize(("meaning", "message"), REFUSALS)
def test_r17_r18_r19_refusals(meaning, message):
    assert texts.refusal(message) is meaning
    assert texts.refusal(f"Error creating: {message}") is meaning
    assert texts.refusal(f"create Pod web-0 in StatefulSet web failed error: {message}") is meaning


@pytest.mark.parametrize(
    ("meaning", "message"),
    [
        (Meaning.REFERENCE, 'configmap "none" not found'),
        (Meaning.REFERENCE, 'secret "db" not found'),
        (Meaning.REFERENCE, "couldn't find key COLOUR in ConfigMap shop/settings"),
        (Meaning.REFERENCE, 'failed to prepare subPath for volumeMount "c" of container "app"'),
        (Meaning.PERMANENT, 'container has runAsNonRoot and image will run as root (pod: "x", container: app)'),
        (
            Meaning.PERMANENT,
            "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root",
        ),
        (Meaning.NOISE, "failed to sync secret cache: timed out waiting for the condition"),
    ],
)
def test_r15_configuration(meaning, message):
    assert texts.config(message) is meaning


@pytest.mark.parametrize(
    ("meaning", "message"),
    [
        (Meaning.REFERENCE, 'MountVolume.SetUp failed for volume "s" : secret "none" not found'),
        (Meaning.REFERENCE, 'MountVolume.SetUp failed for volume "c" : configmap "none" not found'),
        (Meaning.REFERENCE, 'MountVolume.SetUp failed for volume "c" : configmap references non-existent config key: k'),
        (Meaning.REFERENCE, 'MountVolume.SetUp failed for volume "s" : references non-existent secret key: k'),
        (Meaning.REFERENCE, 'MountVolume.SetUp failed for volume "h" : hostPath type check failed: /x is not a directory'),
        (Meaning.NOISE, 'MountVolume.SetUp failed for volume "s" : failed to sync secret cache: timed out waiting for the condition'),
        (Meaning.NOISE, 'MountVolume.SetUp failed for volume "t" : object "shop"/"kube-root-ca.crt" not registered'),
        (Meaning.NOISE, "Unable to attach or mount volumes: unmounted volumes=[s]: timed out waiting for the condition"),
        (Meaning.NOISE, "MountVolume.MountDevice failed : driver name ebs.csi.aws.com not found in the list of registered CSI drivers"),
        (Meaning.NOISE, 'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node'),
        (Meaning.NOISE, 'MountVolume.MountDevice failed : rpc error: code = Internal desc = volume "x" not found'),
    ],
)  # fmt: skip
def test_r15_r27_mounts(meaning, message):
    assert texts.mount(message) is meaning


@pytest.mark.parametrize(
    ("meaning", "message"),
    [
        (Meaning.PERMANENT, 'OCI runtime create failed: runc create failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown'),
        (Meaning.PERMANENT, 'starting container process caused: exec: "nope": executable file not found in $PATH: unknown'),
        (Meaning.PERMANENT, "container create failed: executable file `/nope` not found: No such file or directory"),
        (Meaning.PERMANENT, 'exec: "/app/start.sh": permission denied: unknown'),
        (Meaning.PERMANENT, "exec /app: exec format error"),
        (Meaning.PERMANENT, "unable to find user nobody2: no matching entries in passwd file"),
        (Meaning.PERMANENT, "Are you trying to mount a directory onto a file (or vice-versa)?"),
        (Meaning.NOISE, 'failed to reserve container name "web": name "web" is reserved for "8b21"'),
        (Meaning.NOISE, "context deadline exceeded"),
        (Meaning.NOISE, "applying cgroup configuration: failed to write 268435456 to memory.max: device or resource busy"),
        (Meaning.NOISE, "failed to start shim: fork/exec: resource temporarily unavailable"),
        (REGISTRY, "error during container init: something new"),
    ],
)  # fmt: skip
def test_r14_starts(meaning, message):
    assert texts.run(message) is meaning
