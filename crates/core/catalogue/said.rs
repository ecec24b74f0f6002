//! MVM-HOST 9xx: what mvmhost says about its own findings.

catalogue! {
    cleared(code) = "MVM-HOST-901", "8810312970d1f9a91bb40c2158100b62", Info {
        message: "{code} of {subject} has cleared",
        cause: "A finding that was reported in this boot no longer applies.",
        remedy: "",
    }
    standing(count) = "MVM-HOST-902", "f32bf07bc89e5c45b159924a1529e669", Warning {
        message: "{subject} is blocked by {count} problems",
        cause: "mvmhost reports each problem once, when it appears, and not at every restart of the unit. This summary comes at most every ten minutes.",
        remedy: "mvmhost status",
    }
}
