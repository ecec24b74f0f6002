//! MVM-VM 0xx: microVMs that `mvmhost vm` and `mvmhost smoke` create, look at and delete.

catalogue! {
    spec_invalid(why) = "MVM-VM-001", "cd064d113dabb33d8a263e15c50c8c8a", Error {
        message: "microVM {subject} cannot be created: {why}",
        cause: "mvmhost checks a specification before it sends it, because flintlockd keeps one that cannot run and counts its failures.",
        remedy: "mvmhost vm create --help",
    }
    exists() = "MVM-VM-002", "260e15d46749464d86a57daf171f3ef2", Error {
        message: "there is a microVM {subject} already",
        cause: "flintlockd would make a second one of the same name, with the same hardware address: both would answer to one IP address.",
        remedy: "mvmhost vms\n# delete the old one, or choose another name:\nmvmhost vm delete {subject}",
    }
    not_found() = "MVM-VM-003", "5653eefd039e44aa7455b505ff6313e0", Error {
        message: "there is no microVM {subject}",
        cause: "flintlockd knows none of this name and none with this UID.",
        remedy: "mvmhost vms",
    }
    several() = "MVM-VM-004", "bcead6dd7124e9e9becd2395f4022b0d", Error {
        message: "more than one microVM is called {subject}",
        cause: "flintlockd takes a name more than once. Only the UID is unique; nothing was done.",
        remedy: "mvmhost vms  # name one of these by its UID, the last part",
    }
    refused(why) = "MVM-VM-005", "c45d85409c08eca7b4d02db8cc8af63a", Error {
        message: "flintlockd refuses {subject}: {why}",
        cause: "flintlockd answered the request with this error and did nothing.",
        remedy: "mvmhost diagnose\nmvmhost check",
    }
    created(mac) = "MVM-VM-006", "12b5fd6acf329e4c60d4123835b9a170", Info {
        message: "flintlockd creates {subject} with the hardware address {mac}",
        cause: "The microVM is on record and flintlockd works on it: image, disk, tap, VMM.",
        remedy: "",
    }
    deleted() = "MVM-VM-007", "44862b7ee2396712dde12cc93d6be912", Info {
        message: "{subject} is deleted",
        cause: "flintlockd does not list it any more, and its VMM has ended.",
        remedy: "",
    }
    ready(what, seconds) = "MVM-VM-008", "f1d18c51e1465dc872ba3cfe41405e37", Info {
        message: "{subject} is {what} after {seconds} s",
        cause: "The microVM reached the state that the command waited for.",
        remedy: "",
    }
    timeout(what, seconds, state) = "MVM-VM-009", "cbbd1c042292246b776cd105df84126b", Error {
        message: "{subject} is not {what} after {seconds} s; it is {state}",
        cause: "flintlockd tries up to eleven times, which takes about 22 minutes. The first failure shows the cause.",
        remedy: "mvmhost diagnose\nmvmhost vm logs {subject}",
    }
    given_up_waiting(retry) = "MVM-VM-010", "1fa5198aa4f6369450f5ccbf6a546134", Error {
        message: "flintlockd has given up {subject} after {retry} attempts",
        cause: "Waiting longer does not help, and restarting flintlockd does not either: only deleting the microVM does.",
        remedy: "mvmhost diagnose\nmvmhost vm delete {subject}",
    }
    no_file(file) = "MVM-VM-011", "b01240ba3c53c5d333b3236259ae6605", Error {
        message: "{subject} has no file {file} yet",
        cause: "The VMM writes it when it is started; a microVM that never started has none.",
        remedy: "mvmhost vms\nmvmhost diagnose",
    }
    file_unreadable(why) = "MVM-VM-012", "22af68cca43ff863eba7d895582ec38d", Error {
        message: "{subject} cannot be read: {why}",
        cause: "The file was named on the command line.",
        remedy: "ls -l {subject}",
    }
    left_behind(what) = "MVM-VM-013", "4e6f4df57bb9b5a86d3d98b982293b2e", Error {
        message: "{subject} was deleted and left {what} behind",
        cause: "flintlockd removed the microVM from its list, but not everything that it made for it. Nothing uses or counts it any more.",
        remedy: "mvmhost diagnose\nmvmhost check",
    }
    smoke_passed(reached, seconds) = "MVM-VM-014", "d29798e656a2c4cd95458353e3845de4", Info {
        message: "a microVM was created, {reached} and deleted in {seconds} s; nothing is left of it",
        cause: "mvmhost smoke did what a client does, with the images of the configuration.",
        remedy: "",
    }
    smoke_failed(step) = "MVM-VM-015", "194e49f996c78ec99987ad6ad622b4f3", Error {
        message: "the test microVM {subject} failed at this step: {step}",
        cause: "mvmhost smoke did what a client does. It has deleted the microVM again, unless another finding says otherwise.",
        remedy: "mvmhost diagnose\nmvmhost check",
    }
    locked_out() = "MVM-VM-016", "90f9ba493600ebcc78fea1dc433b87ae", Error {
        message: "flintlockd on {subject} wants a client certificate that this host does not have",
        cause: "[flintlockd.tls] client-ca is set. mvmhost asks with a client certificate of /etc/mvmhost/tls, or with the certificate of the server.",
        remedy: "mvmhost tls show\nmvmhost tls init",
    }
    lease_stays() = "MVM-VM-017", "632ec2a968a8cf2434cbe56743d4571d", Info {
        message: "the lease of {subject} stays until it ends",
        cause: "A microVM that is deleted does not give its address back. The address is free when the lease ends, and goes to the same hardware address before.",
        remedy: "",
    }
    endpoint_local() = "MVM-VM-018", "21304da11c562d788e73cf9f4eb79690", Error {
        message: "flintlockd listens on {subject}, which no cluster on another machine reaches",
        cause: "Cluster API dials each host of the static pool. This endpoint is this host's own loopback.",
        remedy: "mvmhost tls init --listen 0.0.0.0:9090\nmvmhost apply\nmvmhost capmvm",
    }
    no_address() = "MVM-VM-019", "5fb1daa2c563a2c93d987d57a9acbf5f", Error {
        message: "this host has no address that clients can dial: {subject}",
        cause: "flintlockd listens on every interface, and there is no default route that shows the right one.",
        remedy: "mvmhost capmvm --address 192.0.2.10  # with the address by which clients reach this host",
    }
    vip_leased() = "MVM-VM-020", "4906cd8d596e91f8522a61c09520ef7c", Warning {
        message: "the control plane's address {subject} is in the range of DHCP",
        cause: "A microVM may get it as its lease, and then two machines answer to the address of the cluster.",
        remedy: "mvmhost apply  # first: add the address to reserved of [network] in /etc/mvmhost.toml",
    }
    vip_answers(mac) = "MVM-VM-072", "cb960f424ccf0652f620bbedfaee5518", Warning {
        message: "the control plane's address {subject} answers already: {mac}",
        cause: "A machine has the address. That is right when the cluster runs already; a new cluster \
                would share its address with that machine.",
        remedy: "mvmhost vms\n\
                 # the machine belongs to no cluster of yours: choose an address that nobody has\n\
                 mvmhost capmvm --vip 192.0.2.20",
    }
    api_open() = "MVM-VM-021", "5bf76789dd0209285a1e53c84f205ec1", Warning {
        message: "flintlockd on {subject} takes every client",
        cause: "Neither certificates nor a token are set: every client that reaches the port is root on this host.",
        remedy: "mvmhost tls init\nmvmhost apply",
    }
}
