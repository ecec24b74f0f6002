//! MVM-NET-09x: routes in the tailnet.

catalogue! {
    not_installed() = "MVM-NET-090", "7982e5066eaac5e1e30e65bcd07021c1", Error {
        message: "{subject} is set, and tailscale is not installed",
        cause: "mvmhost advertises the subnets with the tailscale of this host, and does not install it.",
        remedy: "mvmhost apply  # first: install tailscale and join the tailnet, or take advertise-routes out of [network.tailscale] in /etc/mvmhost.toml",
    }
    failed() = "MVM-NET-091", "35adb83c9edb607e46f03d1e670b001d", Warning {
        message: "tailscale did not take the routes of {subject}",
        cause: "Its daemon does not run, the host is not logged in, or it refused; its answer is in the evidence. MicroVMs work, but the tailnet cannot reach them over these routes.",
        remedy: "systemctl status tailscaled.service\n\
                 tailscale status\n\
                 systemctl reload mvm-net.service",
    }
    advertised(routes) = "MVM-NET-092", "4cdb80d9b8192b685e36f5817f1b57a3", Info {
        message: "{subject} advertises {routes}",
        cause: "mvm-net.service changed its list of routes as the configuration asks. In the tailnet's \
                administration each new route has to be approved once.",
        remedy: "",
    }
}
