//! MVM-IMG 546 to 563: why flintlockd could not pull an image, by class.

catalogue! {
    rate_limited() = "MVM-IMG-546", "2bf19b411cc7ccb26fd38155bf3cad0a", Error {
        message: "the registry of {subject} refuses: too many pulls (429)",
        cause: "flintlockd asks the registry at every create, also when the image is on this host. Without a login Docker Hub allows about 100 pulls in six hours for one address, and flintlockd cannot log in.",
        remedy: "mvmhost images list\n# wait until the limit is over, or copy the image to a registry of your own and name that one in the microVM's specification",
    }
    plain_http(flintlockd) = "MVM-IMG-547", "3a63fdd4197280b187a497301b460f59", Error {
        message: "the registry of {subject} speaks plain HTTP, flintlockd speaks HTTPS",
        cause: "flintlockd uses plain HTTP only for localhost and 127.0.0.0/8. insecure-registries in /etc/mvmhost.toml holds for mvm-images and not for flintlockd.",
        remedy: "systemctl show --property=Environment {flintlockd}\n# give the registry a certificate, or serve the image on 127.0.0.1 and name that in the microVM's specification",
    }
    untrusted(flintlockd) = "MVM-IMG-548", "4faa71a5a0310c9e670c93904f6f8d5d", Error {
        message: "the certificate of the registry of {subject} is not trusted on this host",
        cause: "An authority that this host does not know signed it, or it signed itself. flintlockd trusts the certificates of the system and no others.",
        remedy: "ls /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors\n# put the authority's certificate there as NAME.crt, run update-ca-certificates or update-ca-trust, then\nsystemctl restart {flintlockd}",
    }
    certificate_name(flintlockd) = "MVM-IMG-549", "192da1d1ae8a2a35e8e794e6448448b2", Error {
        message: "the certificate of the registry of {subject} is for another name",
        cause: "The certificate does not list the name or address in the image reference, or lists it only as Common Name.",
        remedy: "journalctl -u {flintlockd} -b --grep=x509\n# name the registry by a name that the certificate lists, or give the registry another certificate",
    }
    certificate_ended() = "MVM-IMG-550", "c40a256416699e39c86ea2c4eef04e97", Error {
        message: "the certificate of the registry of {subject} has expired",
        cause: "Its validity ended before the time that this host's clock shows. When the clock is wrong, set it.",
        remedy: "date\n# right: the registry needs a new certificate; wrong: set the clock, then\nsystemctl start mvmhost.target",
    }
    clock_behind(flintlockd) = "MVM-IMG-551", "f380b65b8e3e0cf1efa3eaee085a344c", Error {
        message: "this host's clock is behind: the certificate for {subject} is not valid yet",
        cause: "The clock was not set when flintlockd asked the registry, as on a machine without a battery-backed clock.",
        remedy: "timedatectl status\n# set the clock or turn a time service on, then\nsystemctl restart {flintlockd}",
    }
    tls_refused(flintlockd) = "MVM-IMG-552", "6abdf9995dc4817d8c39bb03d60d5416", Error {
        message: "the registry of {subject} and flintlockd do not agree on TLS",
        cause: "The registry refused the handshake: it wants a client certificate, which flintlockd does not have, or another TLS version.",
        remedy: "journalctl -u {flintlockd} -b --grep=tls\n# let the registry accept clients without a certificate, and TLS 1.2 or newer",
    }
    name_unresolved() = "MVM-IMG-553", "a758db4cd8861a712a1d6ec1748a2766", Error {
        message: "the name of the registry of {subject} cannot be resolved",
        cause: "The name server did not answer, is not set yet, or does not know the name.",
        remedy: "cat /etc/resolv.conf\ngetent hosts ghcr.io\n# correct the name server or the registry's name in the image reference",
    }
    proxy(flintlockd) = "MVM-IMG-554", "1b19ac97526f65716aa8b9efa91855bb", Error {
        message: "the proxy of flintlockd does not let it reach the registry of {subject}",
        cause: "flintlockd takes HTTPS_PROXY and NO_PROXY from its unit's environment. The proxy cannot be reached, or refuses.",
        remedy: "systemctl show --property=Environment {flintlockd}\n# correct the proxy there, then\nsystemctl daemon-reload\nsystemctl restart {flintlockd}",
    }
    slow() = "MVM-IMG-555", "496b740415038b2f4003ad66c249fba3", Error {
        message: "the registry of {subject} did not answer in time",
        cause: "A connection was opened and the answer did not come: the registry or the network is slow, or large packets are lost on the way (MTU).",
        remedy: "ip -details link show\nmvmhost check --deep",
    }
    server_fault() = "MVM-IMG-556", "e6d17de6b83d20a92412d291e904c419", Error {
        message: "the registry of {subject} has an internal fault (HTTP 5xx)",
        cause: "The registry or the proxy before it answered that it cannot serve now. flintlockd tries again and gives the microVM up after eleven attempts.",
        remedy: "mvmhost check --deep\n# ask who runs the registry, or name another one in the microVM's specification",
    }
    broken_off() = "MVM-IMG-557", "03f00312e2b270a015e9f7ffefb1e9fd", Error {
        message: "the registry of {subject} broke the connection off",
        cause: "The transfer ended before its end: a fault of the registry, a proxy, a firewall or the network between.",
        remedy: "mvmhost check --deep\n# ask who runs the registry or the network",
    }
    damaged() = "MVM-IMG-558", "1d20632271eda0105acca625a10bbf58", Error {
        message: "what the registry sent for {subject} is not what its digest says",
        cause: "The bytes have another hash or size than the manifest says. A proxy, a mirror or a disk damages data.",
        remedy: "mvmhost images verify\n# push the image again, or name another registry in the microVM's specification",
    }
    no_space() = "MVM-IMG-559", "110b9151730e12f9dc4e8e5bba24d0aa", Error {
        message: "there is no room on this host for image {subject}",
        cause: "The file system of containerd's content store is full or read-only. The thin pool is another matter.",
        remedy: "df -h /var/lib\nmvmhost images prune --dry-run\n# make room, then\nsystemctl start mvmhost.target",
    }
    bad_reference(flintlockd) = "MVM-IMG-560", "6cfe4e525007f87b754ac956d8ce997c", Error {
        message: "{subject} is no image reference",
        cause: "flintlock takes a whole reference with registry, name and tag, such as docker.io/library/alpine:3.20.",
        remedy: "journalctl -u {flintlockd} -b --grep=reference\n# correct the image in the microVM's specification",
    }
    unsupported() = "MVM-IMG-561", "79db569a110051eb1898bcc1bd88c031", Error {
        message: "image {subject} has a format that containerd does not take",
        cause: "Its manifest or a layer has a media type that this containerd cannot use, such as Docker's schema 1.",
        remedy: "containerd --version\n# build the image again with a current tool, and push it",
    }
}
