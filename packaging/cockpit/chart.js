/* The pool's fill over time, as two lines of an SVG. Nothing here knows Cockpit or mvmhost. */
"use strict";

const Chart = (() => {
    const NS = "http://www.w3.org/2000/svg";
    const LEFT = 48, TOP = 10, BOTTOM = 142, HEIGHT = 160;
    /* Points that are kept: at one in five seconds, an hour. */
    const MOST = 720;

    function element(name, attributes, text) {
        const made = document.createElementNS(NS, name);
        for (const [key, value] of Object.entries(attributes))
            made.setAttribute(key, value);
        if (text !== undefined)
            made.textContent = text;
        return made;
    }

    function add(points, point) {
        const last = points[points.length - 1];
        /* The clock was set back: what is older cannot be drawn with what is new. */
        const kept = last && point.time < last.time ? [] : points;
        return kept.concat([point]).slice(-MOST);
    }

    const y = percent => BOTTOM - (BOTTOM - TOP) * Math.min(Math.max(percent, 0), 100) / 100;

    function draw(svg, points) {
        svg.replaceChildren();
        /* As wide as it is shown, so that words keep their size in a narrow window. */
        const width = Math.max(svg.clientWidth || 600, 200), right = width - 4;
        svg.setAttribute("viewBox", "0 0 " + width + " " + HEIGHT);
        for (const percent of [0, 50, 100]) {
            svg.append(element("line", { class: "grid", x1: LEFT, x2: right, y1: y(percent), y2: y(percent) }));
            svg.append(element("text", { x: LEFT - 6, y: y(percent) + 4, "text-anchor": "end" }, percent + "%"));
        }
        if (points.length === 0)
            return;
        const first = points[0].time, span = Math.max(points[points.length - 1].time - first, 1);
        const x = time => LEFT + (right - LEFT) * (time - first) / span;
        for (const line of ["metadata", "data"]) {
            const at = points.map(point => x(point.time).toFixed(1) + "," + y(point[line]).toFixed(1));
            /* One point alone is drawn as a short line. */
            if (at.length === 1)
                at.push((LEFT + 6) + "," + y(points[0][line]).toFixed(1));
            svg.append(element("polyline", { class: line, points: at.join(" ") }));
        }
    }

    /* Bytes a second over the points that are kept, by least squares; null when it is too early. */
    function rate(points) {
        if (points.length < 3 || points[points.length - 1].time - points[0].time < 10000)
            return null;
        const n = points.length, origin = points[0].time;
        let st = 0, sb = 0, stt = 0, stb = 0;
        for (const point of points) {
            const t = (point.time - origin) / 1000;
            st += t; sb += point.used; stt += t * t; stb += t * point.used;
        }
        const below = n * stt - st * st;
        return below === 0 ? null : (n * stb - st * sb) / below;
    }

    return { add, draw, rate };
})();

if (typeof module !== "undefined")
    module.exports = Chart;
