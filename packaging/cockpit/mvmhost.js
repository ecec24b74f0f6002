/* The page of mvmhost in Cockpit. It runs `mvmhost ... --json` and shows what that says; it decides
 * nothing. What a host says may hold names that a microVM chose, so that text only ever becomes
 * text: no markup is made from it. */
"use strict";

(() => {
    const STATUS_EVERY = 15000;
    const POOL_EVERY = 5000;
    const POINTS = "mvmhost-pool";

    const $ = id => document.getElementById(id);

    /* Runs mvmhost and reads its document. An exit code that is not zero comes with one too. */
    function mvmhost(words) {
        return new Promise((resolve, reject) => {
            let text = "";
            const read = problem => {
                try {
                    resolve(JSON.parse(text));
                } catch (_) {
                    reject(new Error(problem || "mvmhost " + words.join(" ") + " printed no JSON"));
                }
            };
            const running = cockpit.spawn(["mvmhost", "--json"].concat(words), { superuser: "try", err: "message" });
            running.stream(data => { text += data });
            running.then(() => read(""), error => read(error && (error.message || error.problem)));
        });
    }

    function node(name, text, kind) {
        const made = document.createElement(name);
        if (text !== undefined && text !== null)
            made.textContent = text;
        if (kind)
            made.className = kind;
        return made;
    }

    function table(target, head, rows) {
        target.replaceChildren();
        if (rows.length === 0)
            return;
        const top = node("tr");
        for (const title of head)
            top.append(node("th", title));
        target.append(top);
        for (const row of rows) {
            const line = node("tr");
            row.forEach((cell, at) => {
                const made = cell instanceof Node ? cell : node("td", cell);
                /* A narrow window shows each row as a list, with these as its names. */
                made.dataset.label = head[at];
                line.append(made);
            });
            target.append(line);
        }
    }

    function list(target, pairs) {
        target.replaceChildren();
        for (const [name, value] of pairs)
            target.append(node("dt", name), node("dd", value));
    }

    function bytes(count) {
        const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        let value = Math.abs(count), unit = 0;
        while (value >= 1024 && unit < units.length - 1) {
            value /= 1024;
            unit++;
        }
        return (count < 0 ? "-" : "") + value.toFixed(unit && value < 100 ? 1 : 0) + " " + units[unit];
    }

    function time(seconds) {
        if (seconds < 120) return Math.round(seconds) + " s";
        if (seconds < 7200) return Math.round(seconds / 60) + " min";
        if (seconds < 172800) return Math.round(seconds / 3600) + " h";
        return Math.round(seconds / 86400) + " days";
    }

    function took(milliseconds) {
        return milliseconds < 1000 ? milliseconds + " ms" : (milliseconds / 1000).toFixed(1) + " s";
    }

    /* ---- findings -------------------------------------------------------------------------- */

    function findings(all) {
        const shown = all.filter(one => one.severity === "error")
            .concat(all.filter(one => one.severity === "warning"));
        $("findings-card").hidden = shown.length === 0;
        $("findings").replaceChildren();
        for (const one of shown) {
            const item = node("li", null, one.severity);
            const line = node("div", null, "message");
            line.append(node("span", one.code + ": ", one.severity === "error" ? "bad-text" : "warn-text"),
                        document.createTextNode(one.message));
            item.append(line);
            if (one.evidence)
                item.append(node("pre", one.evidence, "evidence"));
            if (one.remedy) {
                item.append(node("div", "What to do:", "quiet"), node("pre", one.remedy));
                const copy = node("button", "Copy", "link");
                copy.type = "button";
                copy.addEventListener("click", () => {
                    /* Not there without HTTPS. */
                    if (navigator.clipboard)
                        navigator.clipboard.writeText(one.remedy);
                });
                copy.hidden = !navigator.clipboard;
                item.append(copy);
            }
            const why = node("button", "Why?", "link");
            why.type = "button";
            why.addEventListener("click", () => explain(one.code));
            item.append(why);
            $("findings").append(item);
        }
    }

    function explain(code) {
        mvmhost(["explain", code]).then(entry => {
            const body = node("div");
            body.append(node("p", entry.cause), node("div", "What to do:", "quiet"),
                        node("pre", entry.remedy || "nothing"));
            open(code, body);
        }, failed);
    }

    /* ---- the host --------------------------------------------------------------------------- */

    function verdict(document_) {
        const count = severity => document_.findings.filter(one => one.severity === severity).length;
        const errors = count("error"), warnings = count("warning");
        const plural = (n, word) => n + " " + word + (n === 1 ? "" : "s");
        const code = errors && document_.findings.find(one => one.severity === "error").code;
        const shown = { kind: "good", title: "Ready for microVMs", detail: "" };
        if (document_.ready === undefined) {
            shown.kind = "bad";
            shown.title = document_.findings.some(one => one.code === "MVM-HOST-001")
                ? "Administrative access is needed" : "The state of this host is unknown";
            shown.detail = document_.findings.length ? document_.findings[0].message : "";
        } else if (code === "MVM-HOST-210") {
            shown.kind = "warn";
            shown.title = "Not set up yet";
            shown.detail = "Nothing is applied on this host. Plan changes shows what an apply would do.";
        } else if (errors) {
            shown.kind = "bad";
            shown.title = "Not ready for microVMs";
            shown.detail = plural(errors, "error") + (warnings ? " and " + plural(warnings, "warning") : "");
        } else if (warnings) {
            shown.kind = "warn";
            shown.detail = plural(warnings, "warning");
        }
        $("verdict").className = "verdict " + shown.kind;
        $("verdict-title").textContent = shown.title;
        $("verdict-detail").textContent = shown.detail;
        $("looked").textContent = "updated " + new Date().toLocaleTimeString();
    }

    function host(status) {
        verdict(status);
        findings(status.findings);
        if (status.ready === undefined)
            return;
        const facts = [["mode", status.network.mode]];
        if (status.network.bridge) facts.push(["bridge", status.network.bridge]);
        if (status.dhcp) facts.push(["DHCP leases", (status.dhcp.leases ?? "unknown") + " on " + status.dhcp.interface]);
        if (status.reserved.length) facts.push(["reserved", status.reserved.join(", ")]);
        for (const route of status.tailscale) {
            const state = route.advertised === null ? "unknown" : route.advertised ? "advertised" : "not advertised";
            facts.push(["Tailscale route", route.subnet + " (" + state + ")"]);
        }
        list($("network"), facts);
        const rows = Object.entries(status.units).map(([name, unit]) => {
            const good = unit.state === "active";
            const state = node("td", unit.state + " (" + unit.sub + ")", good ? "good-text" : "bad-text");
            return [name, state, unit.state === "active" && unit["up-ms"] !== null ? took(unit["up-ms"]) : ""];
        });
        rows.push(["flintlockd's API", node("td", status.flintlockd.answers ? "answers" : "does not answer",
                                            status.flintlockd.answers ? "good-text" : "bad-text"), status.flintlockd.endpoint]);
        table($("units"), ["Service", "State", "Start took"], rows);
    }

    function network(document_) {
        const shown = document_.network;
        const rows = (shown ? shown.interfaces : []).map(one => [
            one.name, one.kind || "hardware",
            node("td", one.up ? (one.carrier ? "up" : "up, no carrier") : "down", one.up ? (one.carrier ? "good-text" : "") : "bad-text"),
            node("td", one.addresses.join(", "), "name"),
        ]);
        for (const one of shown ? shown.guests : [])
            rows.push([one.interface, "microVM on " + one.on, one.holder || "not open", ""]);
        table($("interfaces"), ["Interface", "Kind", "State", "Addresses"], rows);
    }

    function microvms(document_) {
        const all = document_.microvms || [];
        $("microvms-count").textContent = all.length ? "(" + all.length + ")" : "";
        $("microvms-none").hidden = all.length > 0;
        $("microvms-none").textContent = document_.microvms ? "There are none." : "flintlockd does not answer.";
        table($("microvms"), ["MicroVM", "State", "Retries", "VMM", "Console", "Problem"], all.map(one => {
            const good = one.state === "created" && one.pid !== null;
            const wrong = node("td");
            if (one.wrong) {
                const why = node("button", one.wrong, "link");
                why.type = "button";
                why.addEventListener("click", () => explain(one.wrong));
                wrong.append(why);
            }
            return [node("td", one.microvm, "name"), node("td", one.state, good ? "good-text" : "warn-text"), String(one.retries),
                    one.pid === null ? "none" : "pid " + one.pid, one["boot-log"] ? "written" : "empty", wrong];
        }));
    }

    function images(document_) {
        const all = document_.images || [];
        const whole = all.filter(one => one.complete).length;
        $("images-count").textContent = all.length ? "(" + whole + " of " + all.length + " complete)" : "";
        $("images-none").hidden = all.length > 0;
        $("images-none").textContent = document_.images ? "The configuration names none." : "containerd does not answer.";
        table($("images"), ["Image", "Use", "State", "On this host"], all.map(one => [
            node("td", one.image, "name"), one.role,
            node("td", one.complete ? "complete" : "missing", one.complete ? "good-text" : "warn-text"), one.local || "",
        ]));
    }

    /* ---- the pool over time ------------------------------------------------------------------ */

    let points = [];
    try {
        points = JSON.parse(sessionStorage.getItem(POINTS)) || [];
    } catch (_) { /* what a browser kept is not needed */ }

    function bar(name, usage) {
        const percent = usage.total ? 100 * usage.used / usage.total : 0;
        $(name + "-bar").value = percent;
        $(name + "-bar").className = percent >= 95 ? "bad" : percent >= 80 ? "warn" : "";
        return percent;
    }

    function pool(document_) {
        const figures = document_.figures;
        $("pool-name").textContent = document_.pool || "";
        if (!figures) {
            for (const name of ["data", "metadata"]) {
                $(name + "-bar").value = 0;
                $(name + "-text").textContent = "not live";
            }
            list($("pool-facts"), []);
            Chart.draw($("chart"), points);
            return;
        }
        const data = bar("data", figures.pool.data), metadata = bar("metadata", figures.pool.metadata);
        const used = figures.pool.data.used * figures.block;
        $("data-text").textContent = data.toFixed(1) + " % of " + bytes(figures.size);
        $("metadata-text").textContent = metadata.toFixed(1) + " % of " + bytes(figures.pool.metadata.total * 4096);
        points = Chart.add(points, { time: Date.now(), data, metadata, used });
        try {
            sessionStorage.setItem(POINTS, JSON.stringify(points));
        } catch (_) { /* the line begins again after a reload */ }
        Chart.draw($("chart"), points);
        $("chart-span").textContent = "last " + time(Math.max(1, (Date.now() - points[0].time) / 1000));
        const rate = Chart.rate(points);
        const facts = [["used", bytes(used)]];
        facts.push(["rate", rate === null ? "not known yet" : bytes(rate) + "/s"]);
        if (rate !== null && rate > 1 && used < figures.size)
            facts.push(["full in", time((figures.size - used) / rate)]);
        if (figures.room)
            facts.push(["room to grow", bytes(figures.room.free) + " free in " + figures.room.place]);
        const brake = document_.brake;
        if (brake)
            facts.push(["brake", brake["off-seconds"] !== null ? "switched off for " + time(brake["off-seconds"]) + " more"
                : brake.holds ? "set, flintlockd is stopped: " + brake.holds : "not set"]);
        list($("pool-facts"), facts);
    }

    /* ---- plan and apply ------------------------------------------------------------------------ */

    function open(title, body, apply) {
        $("dialog-title").textContent = title;
        $("dialog-body").replaceChildren(body);
        $("dialog-apply").hidden = !apply;
        $("dialog-apply").disabled = false;
        if (!$("dialog").open)
            $("dialog").showModal();
    }

    function failed(error) {
        open("mvmhost does not answer", node("pre", String(error.message || error)));
    }

    function said(body, all) {
        for (const one of all.filter(one => one.severity !== "info"))
            body.append(node("p", one.code + ": " + one.message, one.severity === "error" ? "bad-text" : "warn-text"),
                        node("pre", one.remedy));
    }

    function plan() {
        open("Changes", node("p", "Looking …"));
        mvmhost(["plan"]).then(document_ => {
            const body = node("div"), steps = document_.steps || [];
            if (steps.length) {
                body.append(node("p", "An apply does this, in this order:"));
                const all = node("ol");
                for (const one of steps)
                    all.append(node("li", one.domain + ": " + one.step));
                body.append(all);
            } else if (document_.findings.every(one => one.severity !== "error")) {
                body.append(node("p", "Nothing to do: this host is as its file says."));
            }
            said(body, document_.findings);
            open("Changes", body, steps.length > 0);
        }, failed);
    }

    function apply() {
        $("dialog-apply").disabled = true;
        $("dialog-body").replaceChildren(node("p", "Applying … This may take minutes; closing this window does not stop it."));
        mvmhost(["apply", "--no-wait"]).then(document_ => {
            const body = node("div"), done = document_.done || [];
            body.append(node("p", done.length ? "Done:" : "Nothing was done."));
            const all = node("ol");
            for (const one of done)
                all.append(node("li", one));
            body.append(all);
            said(body, document_.findings);
            open("Applied", body);
            look();
        }, failed);
    }

    /* ---- when it looks --------------------------------------------------------------------------- */

    /* One question of a kind at a time: a slow host is not asked again before it has answered. */
    const asked = new Set();
    function ask(words, show) {
        const key = words.join(" ");
        if (asked.has(key))
            return;
        asked.add(key);
        mvmhost(words).then(show, error => {
            $("verdict").className = "verdict bad";
            $("verdict-title").textContent = "mvmhost does not answer";
            $("verdict-detail").textContent = String(error.message || error);
        }).finally(() => asked.delete(key));
    }

    function look() {
        ask(["status"], host);
        ask(["net", "status"], network);
        ask(["vms"], microvms);
        ask(["images", "list"], images);
        ask(["pool", "status"], pool);
    }

    function start() {
        $("refresh").addEventListener("click", look);
        $("plan").addEventListener("click", plan);
        $("dialog-apply").addEventListener("click", apply);
        $("dialog-close").addEventListener("click", () => $("dialog").close());
        Chart.draw($("chart"), points);
        look();
        window.addEventListener("resize", () => Chart.draw($("chart"), points));
        setInterval(() => { if (!document.hidden) look() }, STATUS_EVERY);
        setInterval(() => { if (!document.hidden) ask(["pool", "status"], pool) }, POOL_EVERY);
    }

    start();
})();
