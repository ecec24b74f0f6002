//! MVM-HOST 3xx: what `mvmhost report` says.

catalogue! {
    not_written(why) = "MVM-HOST-301", "dc6cdb365a2188ade2804ba1b297b715", Error {
        message: "the report {subject} cannot be written: {why}",
        cause: "A file of that name is not overwritten, and its folder must have room.",
        remedy: "df -h .\nmvmhost report --output /root/mvmhost-report-2.tar",
    }
}
